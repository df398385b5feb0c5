"""Question answering: exact match and F1, as SQuAD's; where some questions have no answer, the model may say so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritext.metrics import squad
from tritext.questions import Question, read_questions
from tritext.results import Answer
from tritext_perf.evaluation.evaluation import (
    Ask,
    Evaluation,
    Figures,
    Options,
    Served,
    largest_difference,
    share,
)

LONGEST_QUESTION = 512
"""Tokens. The usual limit is there to catch clients' mistakes, and would end an evaluation at the first long question."""


@dataclass(frozen=True, kw_only=True)
class QuestionAnswering(Evaluation):
    """Each answer is the best `Answer`."""

    task = "question-answering"
    columns = ("question", "context", "answer", "answer_start")
    noun = "questions"
    truth: tuple[Question, ...]
    any_unanswerable: bool

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:  # noqa: ARG003
        data = read_questions(path, **options.named(*cls.columns))
        return cls(
            path=path,
            items=tuple((row.question, row.context) for row in data.rows),
            truth=data.rows,
            any_unanswerable=data.any_unanswerable,
        )

    def answers(self, ask: Ask) -> Iterator[Answer]:
        found = ask(
            self.items, handle_impossible_answer=self.any_unanswerable, max_question_len=LONGEST_QUESTION
        )
        return (best for best, *_ in found)

    def overall(self, answers: Sequence[Answer]) -> Figures:
        right = [[answer.text for answer in question.answers] for question in self.truth]
        return squad.overall(right, [answer.answer for answer in answers])

    def agreement(self, served: Sequence[Answer], original: Sequence[Answer]) -> Figures:
        pairs = list(zip(served, original, strict=True))
        return {
            "answers": share([(one.start, one.end) == (other.start, other.end) for one, other in pairs]),
            "largest_difference": largest_difference(
                [one.score for one, _ in pairs], [other.score for _, other in pairs]
            ),
        }
