"""Question answering: of every token of a question and its context, how likely an answer starts or ends there."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForQuestionAnswering

from tritext_build.model_config import FP32, INT32, MOST_ROWS, STRING, Tensor
from tritext_build.runtime.encoding import Line
from tritext_build.runtime.functions import softmax

from .task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext_build.checkpoint import Checkpoint

START, END = "start_logits", "end_logits"

PROBE_QUESTIONS = ("Who?", "What is it about?", "When did it happen?", "Why?")

SAME_PROBABILITY = 0.05
"""How far a token's probability may lie below the best one's and still be as good a choice."""


class StartAndEnd(Head):
    """Start and end logits, each FP32 [rows, length], whatever precision the model computes in."""

    def forward(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:  # noqa: ARG002
        return output.start_logits.float(), output.end_logits.float()


def question_first(checkpoint: "Checkpoint") -> bool:
    """Whether the model reads the question before the context, found as the pipeline finds it."""
    return bool(checkpoint.tokenizer.padding_side == "right")


class QuestionAnswering(Task):
    name = "question-answering"
    architectures = ("ForQuestionAnswering", "ForQuestionAnsweringSimple")
    auto_model = AutoModelForQuestionAnswering

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:  # noqa: ARG002
        question = Tensor(name="QUESTION", data_type=STRING, dims=(1,))
        context = Tensor(name="CONTEXT", data_type=STRING, dims=(1,))
        return Blueprint(
            shape=Shape.REQUEST,
            inputs=(question, context),
            answers=(Tensor(name="RESULT", data_type=STRING, dims=(1,)),),
            graph_outputs=tuple(Tensor(name=name, data_type=FP32, dims=(-1,)) for name in (START, END)),
            handed_on=(
                Tensor(name="answerable", data_type=INT32, dims=(-1,)),
                Tensor(name="offsets", data_type=INT32, dims=(-1, 2)),
                Tensor(name="word_offsets", data_type=INT32, dims=(-1, 2)),
            ),
            passed_on=(context.name,),
            rows={
                "cls_token_id": checkpoint.tokenizer.cls_token_id,
                "question_first": question_first(checkpoint),
                "most_windows": MOST_ROWS,
            },
        )

    def head(self, checkpoint: "Checkpoint") -> Head:  # noqa: ARG002
        return StartAndEnd()

    def probes(self, checkpoint: "Checkpoint", texts: Sequence[str]) -> list[Line]:
        """Each text as the context of a short question; empty contexts never reach the model."""
        questions = itertools.cycle(PROBE_QUESTIONS)
        pairs = [(question, text or question) for question, text in zip(questions, texts, strict=False)]
        return list(pairs) if question_first(checkpoint) else [pair[::-1] for pair in pairs]

    def logits(self, row: Row) -> Scores:
        """Start and end, [2, length]."""
        return np.stack([row[START], row[END]])

    def scores(self, row: Row) -> Scores:
        """The probability of each token to be the first or the last of an answer, [2, length]."""
        return softmax(self.logits(row))

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """Whether the original thinks the best start, and the best end, as good as its own: [2]."""
        chosen = np.take_along_axis(original, scores.argmax(axis=-1)[:, None], axis=-1)[:, 0]
        agreed: npt.NDArray[np.bool_] = original.max(axis=-1) - chosen <= SAME_PROBABILITY
        return agreed
