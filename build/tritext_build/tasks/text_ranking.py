"""Text ranking: a cross-encoder reads a query with a text and gives one score."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from transformers import AutoModelForSequenceClassification

from tritext_build.errors import BadCheckpoint
from tritext_build.model_config import FP32, INT32, STRING, Tensor
from tritext_build.runtime.encoding import Line
from tritext_build.runtime.functions import sigmoid

from .logits import LOGITS, Logits, logits
from .task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext_build.checkpoint import Checkpoint

SAME_SCORE = 0.05
"""How far two scores between 0 and 1 may lie apart and still say the same."""


class TextRanking(Task):
    name = "text-ranking"
    architectures = ("ForSequenceClassification",)
    auto_model = AutoModelForSequenceClassification

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:  # noqa: ARG002
        if len(checkpoint.labels) != 1:
            raise BadCheckpoint(
                source=checkpoint.source,
                reason=f"it gives {len(checkpoint.labels)} values for a pair of texts, and a ranking needs one",
                remedy="Take a cross-encoder with a single output.",
            )
        return Blueprint(
            shape=Shape.REQUEST,
            inputs=(
                Tensor(name="QUERY", data_type=STRING, dims=(1,)),
                Tensor(name="TEXTS", data_type=STRING, dims=(-1,)),
            ),
            answers=(
                Tensor(name="SCORES", data_type=FP32, dims=(-1,)),
                Tensor(name="RESULT", data_type=STRING, dims=(1,)),
            ),
            graph_outputs=(logits(1),),
            token_count=Tensor(name="TOKEN_COUNT", data_type=INT32, dims=(-1,)),
            rows={"prompt": _default_prompt(checkpoint)},
            answering={"function_to_apply": checkpoint.ranking_function},
        )

    def head(self, checkpoint: "Checkpoint") -> Head:  # noqa: ARG002
        return Logits()

    def probes(self, checkpoint: "Checkpoint", texts: Sequence[str]) -> list[Line]:  # noqa: ARG002
        """Each text as an answer to the one before it."""
        return list(zip([texts[-1], *texts[:-1]], texts, strict=True))

    def logits(self, row: Row) -> Scores:
        return row[LOGITS]

    def scores(self, row: Row) -> Scores:
        """Between 0 and 1, whatever clients see, so that one tolerance suits all checkpoints."""
        return sigmoid(row[LOGITS])

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        agreed: npt.NDArray[np.bool_] = np.abs(scores - original) <= SAME_SCORE
        return agreed


def _default_prompt(checkpoint: "Checkpoint") -> str:
    """What sentence-transformers would put in front of every query."""
    path = checkpoint.path / "config_sentence_transformers.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str((settings.get("prompts") or {}).get(settings.get("default_prompt_name")) or "")
