"""Answers as columns beside a row's own: one entry for each task. A task without one gets its RESULT in one column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tritext.task import Task

NUMBERS = {"float": "list<float>", "int8": "list<int8>", "binary": "list<uint8>"}
"""Arrow types by the option `output` of embeddings."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of answers.

    Attributes:
        type: "string", "double", "int64", "list<…>" of one of these, or "json" for what has no simpler form.
    """

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How a task's answers, as the pipeline of transformers has them, fill columns.

    Attributes:
        values: From one answer, a value for each column.
    """

    columns: tuple[Column, ...]
    values: Callable[[Any], Sequence[Any]]


Options = Mapping[str, Any]


def answers_of(task: Task, options: Options, *, one_by_one: bool, raw: bool, prefix: str) -> Answers:
    """The columns for a task's answers.

    Args:
        task: The task.
        options: Those of its method.
        one_by_one: Whether an item is made of several rows, each of which gets its own part of the answer.
        raw: Whether answers are to stay whole, as JSON in one column.
        prefix: What the columns' names begin with.
    """
    if raw or task.name not in ANSWERS:
        found = _whole("result")
    else:
        found = _one_relevance() if one_by_one else ANSWERS[task.name](options)
    return replace(
        found, columns=tuple(replace(column, name=prefix + column.name) for column in found.columns)
    )


def by_row(answer: Any) -> list[Any]:
    """The parts of an answer about texts that were rows of their own, in the order of the rows."""
    return sorted(answer, key=lambda part: part["corpus_id"])


def _answers(values: Callable[[Any], Sequence[Any]], **types: str) -> Answers:
    columns = tuple(Column(name=name, type=kind) for name, kind in types.items())
    return Answers(columns=columns, values=values)


def _whole(name: str) -> Answers:
    return _answers(lambda answer: (answer,), **{name: "json"})


def _labels(options: Options) -> Answers:
    if _is_one(options):
        return _answers(lambda found: (found[0]["label"], found[0]["score"]), label="string", score="double")
    return _answers(
        lambda found: ([one["label"] for one in found], [one["score"] for one in found]),
        labels="list<string>",
        scores="list<double>",
    )


def _extracts(options: Options) -> Answers:
    if not _is_one(options):
        return _answers(lambda found: (found if isinstance(found, list) else [found],), answers="json")
    types = {"answer": "string", "score": "double", "start": "int64", "end": "int64"}
    return _answers(lambda found: tuple(found[name] for name in types), **types)


def _fitting(_options: Options) -> Answers:
    return _answers(
        lambda found: (found["labels"][0], found["scores"][0], found["labels"], found["scores"]),
        label="string",
        score="double",
        labels="list<string>",
        scores="list<double>",
    )


def _embedding(options: Options) -> Answers:
    return _answers(lambda found: (found,), embedding=NUMBERS[options.get("output") or "float"])


def _one_relevance() -> Answers:
    return _answers(lambda part: (part["score"],), score="double")


def _relevances(_options: Options) -> Answers:
    return _answers(
        lambda found: ([one["corpus_id"] for one in found], [one["score"] for one in found]),
        corpus_ids="list<int64>",
        scores="list<double>",
    )


def _is_one(options: Options) -> bool:
    return str(options.get("top_k", 1)) == "1"


ANSWERS: dict[str, Callable[[Options], Answers]] = {
    "text-classification": _labels,
    "token-classification": lambda _options: _whole("entities"),
    "question-answering": _extracts,
    "zero-shot-classification": _fitting,
    "feature-extraction": _embedding,
    "text-ranking": _relevances,
    "fill-mask": lambda _options: _whole("fillings"),
}
"""By the task's name, the columns for its answers under a method's options."""
