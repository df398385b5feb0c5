"""Text classification: one label of many (softmax), several labels at once (sigmoid), or a number (none)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, PretrainedConfig

from tritext_build.errors import UnknownEvaluationLabels
from tritext_build.model_config import FP32, STRING, Tensor

from .task import Blueprint, Evaluation, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext.records import LabelledTexts
    from tritext_build.checkpoint import Checkpoint

LOGITS = "logits"
PROBABILITIES = "probabilities"
LABELS_FILE = "labels.txt"

DEFAULT_THRESHOLD = 0.5


def function_to_apply(config: PretrainedConfig) -> str:
    """What the pipeline of transformers applies to the logits by default, found from the config as it does."""
    if config.problem_type == "regression":
        return "none"
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return "sigmoid"
    return "softmax"


def threshold(config: PretrainedConfig) -> float:
    """Multi-label: the score from which a label counts, 0.5 unless the checkpoint's config says."""
    return float(getattr(config, "threshold", None) or DEFAULT_THRESHOLD)


def decide(scores: Scores, config: PretrainedConfig) -> npt.NDArray[np.int64]:
    """The best label [..., 1]; with sigmoid, each label given or not [..., labels]; of a number its first digits."""
    function = function_to_apply(config)
    if function == "sigmoid":
        return (scores >= threshold(config)).astype(np.int64)
    if function == "none":
        rounded: npt.NDArray[np.int64] = np.round(scores * 100).astype(np.int64)
        return rounded
    best: npt.NDArray[np.int64] = scores.argmax(axis=-1, keepdims=True)
    return best


class LogitsAndProbabilities(Head):
    """Logits and scores, both FP32 [rows, labels], whatever precision the model computes in.

    Two outputs for two uses: Triton dead-locks when one tensor is both answered and fed to a later step.
    """

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = function

    def forward(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:  # noqa: ARG002
        logits = output.logits.float()
        return logits, self._scores(logits)

    def _scores(self, logits: torch.Tensor) -> torch.Tensor:
        if self.function == "softmax":
            return torch.softmax(logits, dim=-1)
        if self.function == "sigmoid":
            return torch.sigmoid(logits)
        return logits.clone()


class TextClassification(Task):
    name = "text-classification"
    architectures = ("ForSequenceClassification",)
    auto_model = AutoModelForSequenceClassification

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:
        labels = checkpoint.labels
        logits = Tensor(name=LOGITS, data_type=FP32, dims=(len(labels),))
        probabilities = Tensor(name=PROBABILITIES, data_type=FP32, dims=(len(labels),))
        seen = Tensor(name="PROBABILITIES", data_type=FP32, dims=(len(labels),), label_filename=LABELS_FILE)
        texts = ("TEXT", "TEXT_PAIR") if options.pairs else ("TEXT",)
        return Blueprint(
            shape=Shape.ROW,
            inputs=tuple(Tensor(name=name, data_type=STRING, dims=(1,)) for name in texts),
            answers=(Tensor(name="RESULT", data_type=STRING, dims=(1,)),),
            graph_outputs=(logits, probabilities),
            direct={PROBABILITIES: seen},
            labels=labels,
            rows={"pairs": options.pairs},
            answering={
                "labels": list(labels),
                "function_to_apply": function_to_apply(checkpoint.config),
            },
        )

    def head(self, checkpoint: "Checkpoint") -> Head:
        return LogitsAndProbabilities(function_to_apply(checkpoint.config))

    def logits(self, row: Row) -> Scores:
        return row[LOGITS]

    def scores(self, row: Row) -> Scores:
        return row[PROBABILITIES]

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:
        agreed: npt.NDArray[np.bool_] = decide(scores, checkpoint.config) == decide(
            original, checkpoint.config
        )
        return agreed

    def evaluation(self, checkpoint: "Checkpoint", data: "LabelledTexts") -> Evaluation:
        index = {label: position for position, label in enumerate(checkpoint.labels)}
        if unknown := {label for row in data.labels for label in row} - set(index):
            raise UnknownEvaluationLabels(path=data.path, unknown=unknown, known=checkpoint.labels)
        if function_to_apply(checkpoint.config) != "sigmoid":
            truth = np.array([[index[label]] for (label,) in data.labels])
        else:
            truth = np.zeros((len(data), len(index)), np.int64)
            for row, labels in enumerate(data.labels):
                truth[row, [index[label] for label in labels]] = 1
        return MacroF1(lines=data.texts, metric_name="macro-F1", truth=truth, config=checkpoint.config)


@dataclass(frozen=True, kw_only=True)
class MacroF1(Evaluation):
    """Macro-averaged F1 over labels that occur: https://scikit-learn.org, `f1_score(average="macro")`.

    `truth` has the shape of the decisions.
    """

    truth: npt.NDArray[np.int64]
    config: PretrainedConfig

    def metric(self, rows: Sequence[Row]) -> float:
        decided = decide(np.stack([row[PROBABILITIES] for row in rows]), self.config)
        single = self.truth.shape[1] == 1
        pair = (self.truth[:, 0], decided[:, 0]) if single else (self.truth, decided)
        return float(f1_score(*pair, average="macro", zero_division=0.0))
