"""Token classification: one label for every token, from which the last step makes entities."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from transformers import AutoModelForTokenClassification

from tritext_build.model_config import FP32, INT32, STRING, Tensor
from tritext_build.runtime.functions import softmax

from .logits import LOGITS, Logits
from .task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext_build.checkpoint import Checkpoint


class TokenClassification(Task):
    name = "token-classification"
    architectures = ("ForTokenClassification",)
    auto_model = AutoModelForTokenClassification

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:  # noqa: ARG002
        text = Tensor(name="TEXT", data_type=STRING, dims=(1,))
        return Blueprint(
            shape=Shape.TEXTS,
            inputs=(text,),
            answers=(Tensor(name="RESULT", data_type=STRING, dims=(1,)),),
            graph_outputs=(Tensor(name=LOGITS, data_type=FP32, dims=(-1, len(checkpoint.labels))),),
            handed_on=(
                Tensor(name="tokens", data_type=INT32, dims=(-1, 3)),
                Tensor(name="lines", data_type=INT32, dims=(1,)),
            ),
            passed_on=(text.name,),
            decodes=True,
            labels=checkpoint.labels,
            answering={
                "labels": list(checkpoint.labels),
                "unk_token_id": checkpoint.tokenizer.unk_token_id,
            },
        )

    def head(self, checkpoint: "Checkpoint") -> Head:  # noqa: ARG002
        return Logits()

    def logits(self, row: Row) -> Scores:
        return row[LOGITS]

    def scores(self, row: Row) -> Scores:
        """The probability of each label, [length, labels]."""
        return softmax(row[LOGITS])

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """Whether a token has the same label: [length]."""
        agreed: npt.NDArray[np.bool_] = scores.argmax(axis=-1) == original.argmax(axis=-1)
        return agreed
