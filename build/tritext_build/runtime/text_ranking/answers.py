"""Logits of a cross-encoder to what sentence-transformers' `CrossEncoder` answers: `predict` and `rank`.

See https://sbert.net/docs/package_reference/cross_encoder/cross_encoder.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..functions import FUNCTIONS, Floats
from ..requests import Tensors, array_of, as_results, parameters_of, whole_number

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

ALL = "all"
"""The value of the parameter `top_k` that asks for every text; the default."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for: the best `top_k` of its texts, None for all; `logits` are FP32 [texts, 1]."""

    logits: Floats
    top_k: int | None


class Answers:
    """`function_to_apply`, "sigmoid" or "none", makes a score of a logit."""

    def __init__(self, *, function_to_apply: str) -> None:
        self._function = FUNCTIONS[function_to_apply]

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A parameter is not what it must be.
        """
        parameters = parameters_of(request)
        everything = parameters.get("top_k", ALL) == ALL
        return Ask(
            logits=array_of(request, "logits"),
            top_k=None if everything else whole_number(parameters, "top_k", 1, least=1, word=ALL),
        )

    def answer(self, ask: Ask) -> Tensors:
        """SCORES FP32 [texts] in the order of the texts, and RESULT [1], the ranking as JSON."""
        scores = self._function(ask.logits[:, 0])
        return {"SCORES": scores, "RESULT": as_results([ranking(scores, ask.top_k)]).reshape(-1)}


def ranking(scores: Floats, top_k: int | None = None) -> list[dict[str, Any]]:
    """The texts by their place in TEXTS, `corpus_id`, with their scores, best first; equal ones keep their order."""
    order = np.argsort(-scores, kind="stable")[:top_k]
    return [
        {"corpus_id": text, "score": score}
        for text, score in zip(order.tolist(), scores[order].tolist(), strict=True)
    ]
