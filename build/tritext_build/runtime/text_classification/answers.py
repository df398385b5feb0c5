"""Logits to the answers that `transformers.pipeline("text-classification")` gives.

The defaults follow https://huggingface.co/docs/transformers/main_classes/pipelines, class
TextClassificationPipeline: sigmoid for several labels at once, softmax for one of many, best label first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..functions import FUNCTIONS, Floats
from ..requests import Tensors, array_of, as_results, choice, parameters_of, whole_number

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

ALL = "all"
"""The value of the parameter `top_k` that asks for every label."""


@dataclass(frozen=True)
class Ask:
    """What one request asks for: `top_k` labels of each row of logits, None for all."""

    logits: Floats
    function_to_apply: str
    top_k: int | None


class Answers:
    """`labels` by output index; `function_to_apply` unless a request names another."""

    def __init__(self, *, labels: Sequence[str], function_to_apply: str) -> None:
        self._labels = labels
        self._function = function_to_apply

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A parameter is not what it must be.
        """
        parameters = parameters_of(request)
        everything = parameters.get("top_k", 1) == ALL
        return Ask(
            array_of(request, "logits"),
            choice(parameters, "function_to_apply", tuple(FUNCTIONS), self._function),
            None if everything else whole_number(parameters, "top_k", 1, least=1, word=ALL),
        )

    def answer(self, ask: Ask) -> Tensors:
        """RESULT: for each row its labels with their scores, best first, as JSON."""
        rows = best_labels(ask.logits, self._labels, function_to_apply=ask.function_to_apply, top_k=ask.top_k)
        return {"RESULT": as_results(rows)}


def best_labels(
    logits: Floats, labels: Sequence[str], *, function_to_apply: str, top_k: int | None = 1
) -> list[list[dict[str, Any]]]:
    """For each row of `logits` [rows, labels], its `top_k` labels with their scores, best first; None means all.

    Labels of equal score keep the order of the model's labels, as in the pipeline.
    """
    scores = FUNCTIONS[function_to_apply](logits)
    order = np.argsort(-scores, axis=-1, kind="stable")[:, :top_k]
    best = np.take_along_axis(scores, order, axis=-1)
    return [
        [
            {"label": labels[label], "score": score}
            for label, score in zip(row_labels, row_scores, strict=True)
        ]
        for row_labels, row_scores in zip(order.tolist(), best.tolist(), strict=True)
    ]
