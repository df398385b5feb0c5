"""What a run is to do, from what the command says, the server's model and the file's columns: checked before it begins."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tritext.asking import Asked
from tritext.columns import pick
from tritext.results import ServedModel
from tritext.scoring.answers import Answers, answers_of
from tritext.scoring.errors import ColumnsTaken, EveryTextCounts, NothingToKeep, OutputIsInput, SameNameTwice
from tritext.scoring.inputs import Input, Position, open_input
from tritext.scoring.jobs import Reading
from tritext.scoring.outputs import ERROR, Layout
from tritext.sources import parts
from tritext.tables import NoRows, Table, UnknownFormat

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Suffixes that an output may have."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command says.

    Attributes:
        given: The options for the model's task, as `Asked.of` takes them.
        version: The model's; empty for the newest, or for the one that the run to go on with has.
        keep: The input's columns to keep, with commas between them; all if None.
        prefix: What the names of the answers' columns begin with.
        raw: Whether the answers stay whole, as JSON in one column.
        keep_going: Whether a bad row gets an error in place of an answer.
        overwrite: Whether to start anew, and to replace an output that is there.
        patience: Seconds to wait for a server that does not answer.
        batch_size: Items in one request.
        since: Where the first row to score begins; None for the first of all.
        until: `Position.at` behind the last row to score; None for the last of all.
    """

    name: str
    input: Path
    output: Path
    given: Mapping[str, Any]
    version: str = ""
    keep: str | None = None
    prefix: str = ""
    raw: bool = False
    keep_going: bool = False
    overwrite: bool = False
    patience: float = 300.0
    batch_size: int | None = None
    since: Position | None = None
    until: int | None = None

    def check_paths(self) -> None:
        """Raise what is wrong with the output's name."""
        if self.output.suffix.lower() not in FORMATS:
            raise UnknownFormat(path=self.output, known=FORMATS)
        if self.output.exists() and self.input.exists() and self.output.samefile(self.input):
            raise OutputIsInput(self.input)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is read, asked and written."""

    wish: Wish
    version: str
    asked: Asked
    source: Input
    reading: Reading
    answers: Answers
    kept: tuple[str, ...]

    @property
    def is_parquet(self) -> bool:
        return self.wish.output.suffix.lower() == ".parquet"

    @property
    def read(self) -> Collection[str]:
        """The columns whose values are needed as Python's."""
        columns = set(self.reading.columns.values())
        return columns if self.is_parquet else columns | set(self.kept)

    @property
    def carry(self) -> Sequence[str]:
        """The columns that go through as Arrow's, where both files are Parquet."""
        return self.kept if self.is_parquet else ()

    @property
    def pinned(self) -> dict[str, Any]:
        """What must stay the same from the beginning of a run to its end, by the words for it."""
        wish = self.wish
        return {
            "model": wish.name,
            "version": self.version,
            "keep": wish.keep,
            "prefix": wish.prefix,
            "raw": wish.raw,
            **self._stretch,
            **{name.replace("_", " "): value for name, value in sorted(wish.given.items())},
        }

    @property
    def _stretch(self) -> dict[str, Any]:
        wish = self.wish
        since = wish.since.at if wish.since else 0
        return {"rows": f"{since}-{wish.until or ''}"} if wish.since or wish.until else {}

    def layout(self, *, errors: bool) -> Layout:
        """The output's columns.

        Raises:
            ColumnsTaken: A column of the input has the name of one of the answers'.
        """
        error = self.wish.prefix + ERROR if errors else None
        added = [column.name for column in self.answers.columns] + ([error] if error else [])
        if taken := [name for name in added if name in self.kept]:
            raise ColumnsTaken(path=self.wish.input, names=taken)
        return Layout(kept=self.kept, answers=self.answers.columns, error=error)


def plan_of(wish: Wish, model: ServedModel, version: str) -> Plan:
    """The plan for a wish.

    Raises:
        TritextError: An option, the file or a column of it is not usable.
    """
    asked = Asked.of(model, wish.given)
    source = open_input(wish.input, list(asked.columns.values()))
    reading = _reading(wish.input, asked, source)
    if reading.gathered is not None and "top_k" in asked.options:
        raise EveryTextCounts(wish.input)
    kept = _kept(wish, source)
    for name in (*kept, *reading.columns.values()):
        if source.columns.count(name) > 1:
            raise SameNameTwice(path=wish.input, name=name)
    answers = answers_of(
        asked.task, asked.options, one_by_one=reading.gathered is not None, raw=wish.raw, prefix=wish.prefix
    )
    plan = Plan(
        wish=wish, version=version, asked=asked, source=source, reading=reading, answers=answers, kept=kept
    )
    plan.layout(errors=wish.keep_going)
    return plan


def _reading(path: Path, asked: Asked, source: Input) -> Reading:
    wanted = asked.source.wanted(asked.columns)
    names = pick(path, Table(columns=source.columns, rows=()), *wanted).names
    columns = {field.input: name for field, name in zip(asked.source.open, names, strict=True) if name}
    reading = Reading(path=path, source=asked.source, columns=columns)
    rows = partial(source.rows, source.start, read=set(columns.values()), carry=())
    if next(rows(), None) is None:
        raise NoRows(path=path)
    return reading.looking_at(rows())


def _kept(wish: Wish, source: Input) -> tuple[str, ...]:
    if wish.keep is None:
        return source.columns
    kept = tuple(parts(wish.keep, ","))
    for name in kept:
        if name not in source.columns:
            raise NothingToKeep(path=wish.input, name=name, columns=source.columns)
    return kept
