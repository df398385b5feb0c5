"""Question answering: the answer's place in a context, which is read in windows; contexts may also hold no answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from transformers import (
    AutoModelForQuestionAnswering,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tritext.checkpoints import sha256
from tritext.metrics import squad
from tritext.questions import Question, Questions, read_questions
from tritext_training import encoding, scoring, splits
from tritext_training.base import Base, load_model
from tritext_training.contexts import Answer, Window, best_answers, target, windows
from tritext_training.errors import NoAnswers
from tritext_training.options import TrainingOptions
from tritext_training.sections import Column, Mistakes, Section, Shown
from tritext_training.shelf import Features
from tritext_training.splits import Parts, by_group, divide
from tritext_training.tasks import Defaults, Encoded, Evaluation, Metric, Task


@dataclass(frozen=True, kw_only=True)
class QuestionAnswering(Task):
    """The three splits, which share no context."""

    unit: ClassVar[str] = "questions"
    defaults: ClassVar[Defaults] = Defaults(max_length=384)
    in_order: ClassVar[bool] = True

    parts: Parts[Question]
    may_be_none: bool
    """Whether some questions have no answer, so that "none" is an answer."""
    doc_stride: int | None
    sources: dict[str, Any]
    _windows: list[Window] = field(default_factory=list)
    """Of the validation questions, in the order of the features that `encode` gave."""

    @property
    def best(self) -> Metric:
        return Metric(key="f1", name="F1")

    @property
    def rows(self) -> int:
        return len(self.parts.train)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "files": self.sources,
            "splits": {name: _facts(rows) for name, rows in self.parts.items()},
            "duplicates": splits.duplicates(
                **{
                    name: [f"{row.question}\n{row.context}" for row in rows]
                    for name, rows in self.parts.items()
                }
            ),
        }

    def model(self, base: Base) -> PreTrainedModel:
        return load_model(base, AutoModelForQuestionAnswering, num_labels=2)  # start and end

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        train = self._read(tokenizer, self.parts.train, max_length)
        self._windows[:] = self._read(tokenizer, self.parts.validation, max_length)
        return Encoded(
            train=Features(filter(None, (_with_target(window, self.parts.train) for window in train))),
            validation=Features(
                _with_target(window, self.parts.validation) or _without_place(window)
                for window in self._windows
            ),
            token_counts={"train": _token_counts(train), "validation": _token_counts(self._windows)},
        )

    def _read(
        self, tokenizer: PreTrainedTokenizerFast, rows: Sequence[Question], max_length: int
    ) -> list[Window]:
        return list(windows(tokenizer, rows, max_length=max_length, doc_stride=self.doc_stride))

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        logits = np.stack([np.asarray(side) for side in prediction.predictions[:2]], axis=1)
        rows = self.parts.validation
        answers = best_answers(rows, self._windows, list(logits), may_be_none=self.may_be_none)
        return _overall(rows, answers)

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        metrics, answers = {}, list[Answer]()
        for name, rows in self.parts.items()[1:]:
            read = self._read(scoring.tokenizer_of(checkpoint), rows, max_length)
            features = [window.features for window in read]
            logits = scoring.outputs(
                checkpoint, features, head=AutoModelForQuestionAnswering, read=scoring.starts_and_ends_of
            )
            answers = best_answers(rows, read, logits, may_be_none=self.may_be_none)
            metrics[name] = _overall(rows, answers)
        test = metrics["test"]
        return Evaluation(
            metrics=metrics,
            headline={"F1": test["f1"], "exact match": test["exact_match"]},
            shown=_shown(metrics),
            mistakes=_mistakes(self.parts.test, answers),
        )


def _with_target(window: Window, rows: Sequence[Question]) -> dict[str, Any] | None:
    found = target(window, rows[window.row])
    return found and {**window.features, "start_positions": found[0], "end_positions": found[1]}


def _without_place(window: Window) -> dict[str, Any]:
    """A validation row whose answer is known by its words only: it counts in EM and F1, and hardly in the loss."""
    return {**window.features, "start_positions": window.cls, "end_positions": window.cls}


def _token_counts(read: Sequence[Window]) -> dict[str, float]:
    pieces = Counter(window.row for window in read)
    facts = encoding.length_facts([len(window.context) for window in read])
    return {**facts, "windows": len(read), "split": sum(count > 1 for count in pieces.values())}


def _overall(rows: Sequence[Question], answers: Sequence[Answer]) -> dict[str, float]:
    return squad.overall(
        [[answer.text for answer in row.answers] for row in rows], [answer.text for answer in answers]
    )


def _facts(rows: Sequence[Question]) -> dict[str, Any]:
    return {
        "rows": len(rows),
        "contexts": len({row.context for row in rows}),
        "without_answer": sum(not row.answers for row in rows),
    }


def _shown(metrics: dict[str, dict[str, float]]) -> Shown:
    test, validation = metrics["test"], metrics["validation"]
    kinds = [
        {"kind": name, **{key: test[prefix + key] for key in ("exact_match", "f1")}}
        for name, prefix in (("all", ""), ("with an answer", "has_ans_"), ("without one", "no_ans_"))
        if f"{prefix}f1" in test
    ]
    return Shown(
        key_figures=[
            (f"{test['f1']:.1f}", "F1, test"),
            (f"{test['exact_match']:.1f}", "exact match, test"),
            (f"{validation['f1']:.1f}", "F1, validation"),
            (f"{validation['exact_match']:.1f}", "exact match, validation"),
        ],
        sections=[
            Section(
                title="Kinds of questions",
                note="Exact match and F1 of words in percent, as SQuAD's evaluation counts them.",
                columns=(
                    Column(title="questions", key="kind", kind="name"),
                    Column(title="exact match", key="exact_match"),
                    Column(title="F1", key="f1"),
                ),
                rows=kinds,
                slim=True,
            )
        ],
    )


def _mistakes(rows: Sequence[Question], answers: Sequence[Answer]) -> Mistakes:
    """Every question whose answer is not exactly one of the right ones, the surest error first."""
    wrong = []
    for row, answer in zip(rows, answers, strict=True):
        expected = [right.text for right in row.answers]
        if not squad.exact_match(expected, answer.text):
            figures = {"f1": round(squad.f1(expected, answer.text), 4), "score": round(answer.score, 4)}
            texts = {"id": row.id, "question": row.question, "predicted": answer.text}
            wrong.append({**texts, "expected": list(dict.fromkeys(expected)), **figures})
    columns = (
        Column(title="id", key="id", kind="name"),
        Column(title="question", key="question", kind="text"),
        Column(title="expected", key="expected", kind="name"),
        Column(title="predicted", key="predicted", kind="name"),
        Column(title="F1", key="f1"),
        Column(title="score", key="score"),
    )
    return Mistakes(columns=columns, rows=sorted(wrong, key=lambda row: -row["score"]))


def open_task(options: TrainingOptions) -> QuestionAnswering:
    """Read the files and draw the splits by context."""
    data = _read(options.data, options)
    if not any(answer.start is not None for row in data.rows for answer in row.answers):
        raise NoAnswers(path=data.path)
    given = _read(options.eval_data, options) if options.eval_data else None
    draw = by_group(attrgetter("context"), path=data.path, units="contexts")
    return QuestionAnswering(
        parts=divide(data.rows, given.rows if given else None, draw, options=options),
        may_be_none=data.any_unanswerable,
        doc_stride=options.doc_stride,
        sources={"data": _source(data), "eval_data": _source(given) if given else None},
    )


def _read(path: Path, options: TrainingOptions) -> Questions:
    return read_questions(
        path,
        question_column=options.question_column,
        context_column=options.context_column,
        answer_column=options.answer_column,
        answer_start_column=options.answer_start_column,
    )


def _source(data: Questions) -> dict[str, Any]:
    places = sum(
        bool(row.answers) and all(answer.start is None for answer in row.answers) for row in data.rows
    )
    return {
        "path": str(data.path),
        "sha256": sha256(data.path),
        "rows": len(data),
        "answers_not_in_context": places,
    }
