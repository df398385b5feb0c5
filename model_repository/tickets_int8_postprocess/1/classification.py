"""Logits to the answer that `transformers.pipeline("text-classification")` gives. Knows nothing of Triton.

The defaults follow https://huggingface.co/docs/transformers/main_classes/pipelines, class
TextClassificationPipeline: sigmoid for several labels at once, softmax for one of many, best label first.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis, in FP32 and safe for large logits."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    quotient: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return quotient


def sigmoid(logits: Floats) -> Floats:
    """The logistic function, element by element, in FP32; written with tanh, which cannot overflow."""
    half = np.float32(0.5)
    result: Floats = half * (np.tanh(half * logits) + np.float32(1))
    return result


def identity(logits: Floats) -> Floats:
    return logits


FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {"softmax": softmax, "sigmoid": sigmoid, "none": identity}
"""The values of the request parameter `function_to_apply`."""


def answers(
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


def to_json(answer: list[dict[str, Any]]) -> bytes:
    """One answer as the bytes of RESULT."""
    return json.dumps(answer).encode()
