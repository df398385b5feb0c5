"""Embeddings to smaller ones: fewer dimensions, a byte or a bit for each. The embeddings themselves come out of the graph.

The formulas are those of https://sbert.net/examples/sentence_transformer/applications/embedding-quantization
and, for fewer dimensions, of https://arxiv.org/abs/2205.13147.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..functions import Floats
from ..requests import BadRequest, Tensors, array_of, parameters_of, whole_number

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

LEVELS = 255
"""The steps between a dimension's least and greatest value in INT8."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for: the outputs `wanted`, of the first `dimensions` of each embedding [texts, hidden]."""

    embeddings: Floats
    dimensions: int
    wanted: Collection[str]


class Answers:
    """`ranges` are each dimension's least and greatest values, [2, hidden], as sample texts had them when the model was built.

    With `normalize`, embeddings that were cut short get unit length again.
    """

    def __init__(self, *, normalize: bool, ranges: Sequence[Sequence[float]]) -> None:
        self._ranges = np.asarray(ranges, np.float32)
        self._outputs: dict[str, Callable[[Floats], npt.NDArray[np.generic]]] = {
            "EMBEDDING_SHORT": unit_length if normalize else np.asarray,
            "EMBEDDING_INT8": lambda embeddings: as_int8(embeddings, self._ranges),
            "EMBEDDING_BINARY": as_bits,
        }

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: `dimensions` is not what it must be.
        """
        hidden = self._ranges.shape[1]
        dimensions = whole_number(parameters_of(request), "dimensions", hidden, least=1)
        if dimensions > hidden:
            raise BadRequest(
                f"the parameter dimensions takes at most this model's {hidden}, not {dimensions}",
                reason="parameter",
            )
        return Ask(
            embeddings=array_of(request, "sentence_embedding"),
            dimensions=dimensions,
            wanted=set(request.requested_output_names()),
        )

    def answer(self, ask: Ask) -> Tensors:
        """Of EMBEDDING_SHORT, EMBEDDING_INT8 and EMBEDDING_BINARY those that are wanted, each [texts, n]."""
        short = ask.embeddings[:, : ask.dimensions]
        return {name: output(short) for name, output in self._outputs.items() if name in ask.wanted}


def unit_length(embeddings: Floats) -> Floats:
    """Each row divided by its Euclidean length, FP32; a row of zeros stays one."""
    lengths = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    quotient: Floats = embeddings / np.maximum(lengths, np.float32(1e-12))
    return quotient


def as_int8(embeddings: Floats, ranges: Floats) -> npt.NDArray[np.int8]:
    """Each value as one of 256 equal steps of its dimension's range, less 128; INT8 of the same shape.

    Args:
        embeddings: FP32 [texts, n], the first n dimensions, not scaled to unit length again.
        ranges: FP32 [2, hidden], each dimension's least and greatest value; what lies outside is clipped.
    """
    least, greatest = ranges[:, : embeddings.shape[-1]]
    steps = (greatest - least) / LEVELS
    steps = np.where(steps == 0, np.float32(1), steps)
    levels = np.clip(np.floor((embeddings - least) / steps), 0, LEVELS)
    quantized: npt.NDArray[np.int8] = (levels - 128).astype(np.int8)
    return quantized


def as_bits(embeddings: Floats) -> npt.NDArray[np.uint8]:
    """One bit for each value, set where it is above zero; eight to a byte, the first one highest: UINT8 [texts, ⌈n / 8⌉]."""
    return np.packbits(embeddings > 0, axis=-1)
