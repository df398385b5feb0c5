"""Zero-shot classification: a model of natural-language inference says which candidate label a text entails."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from transformers import AutoModelForSequenceClassification

from tritext_build.errors import BadCheckpoint
from tritext_build.model_config import INT32, STRING, Tensor
from tritext_build.runtime.encoding import Line
from tritext_build.runtime.functions import softmax
from tritext_build.runtime.zero_shot_classification.hypotheses import DEFAULT_TEMPLATE

from .logits import LOGITS, Logits, logits
from .task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext_build.checkpoint import Checkpoint

PROBE_LABELS = ("urgent", "a question", "about delivery", "travel")


def entailment_id(label2id: Mapping[str, int | str]) -> int | None:
    """The output that says "follows", found as the pipeline finds it: its label begins with "entail", in any case."""
    return next((int(index) for label, index in label2id.items() if label.lower().startswith("entail")), None)


class ZeroShotClassification(Task):
    name = "zero-shot-classification"
    architectures = ("ForSequenceClassification",)
    auto_model = AutoModelForSequenceClassification
    truncate = "only_first"

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:  # noqa: ARG002
        text = Tensor(name="TEXT", data_type=STRING, dims=(1,))
        candidates = Tensor(name="CANDIDATE_LABELS", data_type=STRING, dims=(-1,))
        return Blueprint(
            shape=Shape.REQUEST,
            inputs=(text, candidates),
            answers=(Tensor(name="RESULT", data_type=STRING, dims=(1,)),),
            graph_outputs=(logits(len(checkpoint.labels)),),
            passed_on=(text.name, candidates.name),
            token_count=Tensor(name="TOKEN_COUNT", data_type=INT32, dims=(-1,)),
            answering={"entailment_id": _entailment_id(checkpoint)},
        )

    def head(self, checkpoint: "Checkpoint") -> Head:  # noqa: ARG002
        return Logits()

    def probes(self, checkpoint: "Checkpoint", texts: Sequence[str]) -> list[Line]:  # noqa: ARG002
        hypotheses = [DEFAULT_TEMPLATE.format(label) for label in PROBE_LABELS]
        return [(text, hypotheses[index % len(hypotheses)]) for index, text in enumerate(texts)]

    def logits(self, row: Row) -> Scores:
        return row[LOGITS]

    def scores(self, row: Row) -> Scores:
        return softmax(row[LOGITS])

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        agreed: npt.NDArray[np.bool_] = np.array([scores.argmax() == original.argmax()])
        return agreed


def _entailment_id(checkpoint: "Checkpoint") -> int:
    found = entailment_id(dict(checkpoint.config.label2id or {}))
    if found is None or len(checkpoint.labels) < 2:  # noqa: PLR2004
        raise BadCheckpoint(
            source=checkpoint.source,
            reason=f"of its labels ({', '.join(checkpoint.labels[:5])}) none says entailment against another, which "
            f"zero-shot classification needs",
            remedy="Take a model of natural-language inference, and name its outputs in id2label and label2id of its "
            "config.json: one must begin with 'entail'.",
        )
    return found
