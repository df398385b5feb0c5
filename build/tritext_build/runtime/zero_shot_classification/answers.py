"""Logits of natural-language inference to the answer of `transformers.pipeline("zero-shot-classification")`.

The formulas are those of https://huggingface.co/docs/transformers/main_classes/pipelines, class
ZeroShotClassificationPipeline: the labels compete in one softmax over their entailment logits; with
`multi_label`, or for a single label, entailment competes with contradiction, label by label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..functions import Floats, softmax
from ..requests import Tensors, array_of, as_results, flag, parameters_of, texts_of
from .hypotheses import candidate_labels

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for; `logits` are FP32 [labels, outputs]."""

    logits: Floats
    sequence: str
    labels: list[str]
    multi_label: bool


class Answers:
    """`entailment_id` is the model's output that says "follows"."""

    def __init__(self, *, entailment_id: int) -> None:
        self._entailment_id = entailment_id

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A parameter is not what it must be.
        """
        return Ask(
            logits=array_of(request, "logits"),
            sequence=texts_of(request, "TEXT")[0],
            labels=candidate_labels(texts_of(request, "CANDIDATE_LABELS")),
            multi_label=flag(parameters_of(request), "multi_label", default=False),
        )

    def answer(self, ask: Ask) -> Tensors:
        """RESULT: the text and its labels with their scores, best first, as JSON."""
        scores = label_scores(ask.logits, self._entailment_id, multi_label=ask.multi_label)
        return {"RESULT": as_results([best_first(ask.sequence, ask.labels, scores)]).reshape(-1)}


def label_scores(logits: Floats, entailment_id: int, *, multi_label: bool) -> Floats:
    """Each label's score, FP32 [labels], of `logits` [labels, outputs].

    Contradiction is the first output, or the last where entailment is the first.
    """
    if not multi_label and len(logits) > 1:
        return softmax(logits[:, entailment_id])
    contradiction_id = -1 if entailment_id == 0 else 0
    return softmax(logits[:, [contradiction_id, entailment_id]])[:, 1]


def best_first(sequence: str, labels: Sequence[str], scores: Floats) -> dict[str, Any]:
    """The pipeline's answer; labels of equal score stand in the order in which it puts them."""
    order = scores.argsort()[::-1]
    return {
        "sequence": sequence,
        "labels": [labels[index] for index in order],
        "scores": scores[order].tolist(),
    }
