"""The smallest task there can be: a regression model's number as a grade."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import AutoModelForSequenceClassification

from tritext_build.model_config import STRING, Tensor
from tritext_build.tasks.logits import LOGITS, Logits, logits
from tritext_build.tasks.task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

GRADES = ("poor", "fair", "good")


class Grading(Task):
    name = "grading"
    architectures = ("ForSequenceClassification",)
    auto_model = AutoModelForSequenceClassification
    runtime_folder = Path(__file__).parent

    def blueprint(self, checkpoint: Any, options: TaskOptions) -> Blueprint:  # noqa: ARG002
        return Blueprint(
            shape=Shape.ROW,
            inputs=(Tensor(name="TEXT", data_type=STRING, dims=(1,)),),
            answers=(Tensor(name="RESULT", data_type=STRING, dims=(1,)),),
            graph_outputs=(logits(1),),
            answering={"grades": list(GRADES)},
        )

    def head(self, checkpoint: Any) -> Head:  # noqa: ARG002
        return Logits()

    def logits(self, row: Row) -> Scores:
        return row[LOGITS]

    scores = logits

    def agree(self, checkpoint: Any, scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        agreed: npt.NDArray[np.bool_] = np.abs(scores - original) < 0.5
        return agreed
