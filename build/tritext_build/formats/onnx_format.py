"""ONNX, with Triton's backend `onnxruntime`: an exported graph in each of its precisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import onnx

from tritext_build.graph import ServedGraph, tensors
from tritext_build.packing import packed_graph

from .boundary import serving_as
from .format import EXAMPLE_ROWS, Example, Export, RunGraph
from .onnx_export import packed_proto, padded_proto
from .onnx_int8 import quantize_per_token
from .onnx_packing import IN_A_LOOP, attend
from .onnx_sensitivity import int8_errors, worst
from .onnx_session import open_session
from .onnx_surgery import position_nodes, save

INT8_SPARING = {"int8, fp32 where it hurts most": 0.75, "int8, fp32 wherever it hurts": 0.95}
"""Recipe to the share of int8's error that is spared."""


@dataclass(frozen=True)
class OnnxFormat:
    """On packed tokens where the model allows it; elsewhere with eager attention, whose graph is the smallest.

    Attributes:
        packs: Whether packed tokens are tried at all; if not, there is something to compare them with.
    """

    packs: bool = True
    name: ClassVar[str] = "onnx"
    backend: ClassVar[str] = "onnxruntime"
    filename: ClassVar[str] = "model.onnx"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8", "fp16")
    example_rows: ClassVar[int] = EXAMPLE_ROWS
    spare_rows: ClassVar[int] = 0

    def parameters(self, precision: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for all of them
        return {
            "intra_op_thread_count": "1",
            "inter_op_thread_count": "1",
            # Memory is planned by the shapes of inputs, which foretell nothing here: how much is computed depends on the
            # tokens in them. A plan takes what the first batch of its shape took, and lasts.
            "enable_mem_pattern": "0",
        }

    def input_names(self, names: Sequence[str]) -> list[str]:
        return list(names)

    output_names = input_names

    def exports(self, graph: ServedGraph, example: Example, path: Path, precision: str) -> Iterator[Export]:
        with serving_as(self.name):
            packed = packed_graph(graph, attend, tensors(example)) if self.packs else None
            proto = packed_proto(packed, example, IN_A_LOOP) if packed else padded_proto(graph, example)
        for recipe, written in _recipes(proto, example, precision):
            save(written, path)
            yield Export(recipe=recipe, unpadded=packed is not None)

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        with serving_as(self.name):
            session = open_session(path)

        def run(inputs: Example) -> dict[str, npt.NDArray[np.float32]]:
            with serving_as(self.name):
                return dict(zip(output_names, session.run(list(output_names), inputs), strict=True))

        return run


def _recipes(
    proto: onnx.ModelProto, example: Example, precision: str
) -> Iterator[tuple[str, onnx.ModelProto]]:
    """The graph in a precision: each way's name, and what comes of it."""
    if precision == "fp32":
        yield "fp32", proto
    elif precision == "fp16":
        yield "fp16", _half(proto)
    else:
        yield "int8", quantize_per_token(proto)
        errors = int8_errors(proto, example)
        for recipe, share in INT8_SPARING.items():
            yield recipe, quantize_per_token(proto, spared=worst(errors, share))


def _half(proto: onnx.ModelProto) -> onnx.ModelProto:
    """FP16 weights and arithmetic behind inputs and outputs that keep their types."""
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    converted: onnx.ModelProto = convert_float_to_float16(
        proto, keep_io_types=True, disable_shape_infer=True, node_block_list=position_nodes(proto)
    )
    return converted
