"""A command's options as what is asked of a model: which of them its task has, and what its items are made of.

Knows no network; the command line's words come in by name, and a mistake in them is one sentence.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.console import err
from tritext.errors import TritextError
from tritext.items import Field, form_of
from tritext.parameters import texts as list_of_texts
from tritext.results import ServedModel
from tritext.sources import Source, parts
from tritext.task import Task
from tritext.tasks import task_of


class NotNamed(TritextError):
    """An option for any task is not of the form NAME=VALUE."""

    def __init__(self, given: str) -> None:
        super().__init__(f"--option takes NAME=VALUE, not {given!r}.")


class NotThisTasks(TritextError):
    """An option of another task."""

    def __init__(self, name: str, *, model: ServedModel, known: Iterable[str]) -> None:
        options = ", ".join(map(_flag, known))
        super().__init__(
            f"Model {model.name!r} is for {model.task}, which has no {_flag(name)}; its options are {options}."
        )


class TakesNone(TritextError):
    """An option gives a text that models of this task may take, but this one does not."""

    def __init__(self, field: Field, *, model: ServedModel) -> None:
        super().__init__(
            f"Model {model.name!r} takes no {field.name}: leave out {_flag(field.option or field.kind)}."
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a command asks.

    Attributes:
        task: The model's.
        source: What an item of the model is made of.
        columns: By a field's kind, the column of a file that was named for it.
        options: Those of the task's method.
    """

    task: Task
    source: Source
    columns: Mapping[str, str]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, model: ServedModel, given: Mapping[str, Any]) -> "Asked":
        """What the given options, those of `tritext.commands.task_options`, ask of a model.

        Raises:
            IncompatibleModel: It is of no task that is known here.
            TritextError: One of the options is not the task's, or not the model's.
        """
        task = task_of(model)
        own = {**_others(given.get("option", ())), **given}
        own.pop("option", None)
        _check(own, task, model)
        return cls(
            task=task,
            source=_source(own, task, model),
            columns={f.kind: own[_column_option(f)] for f in task.fields if _column_option(f) in own},
            options={name: _listed(name, own[name], task) for name in task.options if name in own},
        )

    @property
    def is_one(self) -> bool:
        """Whether the options say everything, so that there is one item."""
        return not self.source.open

    def items(self, texts: Sequence[str] | None, file: Path | None) -> Iterable[Any]:
        """The items of the command line, of a file, or else of standard input, line by line as they come."""
        if file:
            return self.source.of_file(file, self.columns)
        if texts:
            return self.source.of_texts(texts)
        return [self.source.of_options()] if self.is_one else self.source.of_texts(_lines())


def _others(assignments: Iterable[str]) -> dict[str, Any]:
    """Each `NAME=VALUE`; a value that is JSON means what JSON means by it."""
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise NotNamed(assignment)
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _check(own: Iterable[str], task: Task, model: ServedModel) -> None:
    fields = [name for field in task.fields for name in (field.option, _column_option(field)) if name]
    known = [*task.options, *fields]
    for name in own:
        if name not in known:
            raise NotThisTasks(name, model=model, known=known)


def _source(own: Mapping[str, Any], task: Task, model: ServedModel) -> Source:
    fields = form_of(task.fields, model).fields
    given = [field for field in task.fields if field.option in own]
    for field in given:
        if field not in fields:
            raise TakesNone(field, model=model)
    return Source(
        fields=fields, given={field.input: _given(own[field.option or ""], field) for field in given}
    )


def _given(value: str, field: Field) -> Any:
    return parts(value, field.separator) if field.separator else value


def _listed(name: str, value: Any, task: Task) -> Any:
    """A list of words, which the command line has with commas between them, as such."""
    is_list = task.options[name] is list_of_texts and isinstance(value, str)
    return parts(value, ",") if is_list else value


def _lines() -> Iterator[str]:
    """Standard input. What is not UTF-8 goes on as lone surrogates, to be refused with its place like any bad text."""
    if sys.stdin.isatty():
        err.print("One text a line; Ctrl+D ends.")
    for line in sys.stdin.buffer:
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


def _column_option(field: Field) -> str:
    return f"{field.kind.replace(' ', '_')}_column"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
