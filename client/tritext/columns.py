"""Columns of a data file: knows which of them is meant, by name or by guess, and what a value in it may be.

It refuses to know the file's format and what the values are for. Whatever is wrong is one sentence that
names the place.
"""

import json
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tritext.tables import Anew, BadRow, RecordsError, Table, read_table

_SHOWN_COLUMNS = 20


class NoSuchColumn(RecordsError):
    """A column was named, or must be guessed, that the file does not have."""

    def __init__(self, *, path: Path, kind: str, wanted: str | None, columns: Sequence[str]) -> None:
        there = ", ".join(repr(column[:40]) for column in columns[:_SHOWN_COLUMNS])
        there += ", …" if len(columns) > _SHOWN_COLUMNS else ""
        asked = f"no column {wanted!r}" if wanted else f"no column that is clearly the {kind}"
        super().__init__(
            f"{path} has {asked}; its columns are {there}: choose with --{kind.replace(' ', '-')}-column NAME "
            "(or a number, counted from 0, where the file has no header)."
        )


@dataclass(frozen=True, kw_only=True)
class Column:
    """What is looked for.

    Attributes:
        kind: What its values are, in a person's words; `--KIND-column` is the option that names it.
        usual: Names under which it is recognised when none is given, the likeliest first.
        asked: Its name, or its number from 0 in a delimited file without a header.
        optional: Whether a file may lack it; its cells are then None throughout.
    """

    kind: str
    usual: tuple[str, ...]
    asked: str | None = None
    optional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One value of one row, and where a person finds it."""

    path: Path
    place: str
    kind: str
    value: Any

    def bad(self, problem: str) -> BadRow:
        return BadRow(path=self.path, place=self.place, problem=problem)

    @property
    def missing(self) -> bool:
        return (
            self.value is None
            or (isinstance(self.value, float) and math.isnan(self.value))
            or (isinstance(self.value, str) and not self.value.strip())
        )

    def of(self, value: Any, *, kind: str | None = None) -> "Cell":
        """A part of this cell's value, at the same place."""
        return replace(self, kind=kind or self.kind, value=value)

    def text(self) -> str:
        """A text as it stands, blanks at its ends included."""
        if self.missing:
            raise self.bad(f"the {self.kind} is missing or empty")
        if not isinstance(self.value, str):
            raise self.bad(f"expected a text, got {_shown(self.value)}")
        return self._encodable(self.value)

    def word(self) -> str:
        """A label: a word, a number or a truth value, as a word."""
        if self.missing:
            raise self.bad(f"the {self.kind} is missing")
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, float) and self.value.is_integer():
            return str(int(self.value))
        if not isinstance(self.value, str | int | float):
            raise self.bad(f"a {self.kind} must be a word or a number, got {self.value!r:.60}")
        return self._encodable(str(self.value).strip())

    def words(self, separator: str | None) -> tuple[str, ...]:
        """Any number of labels, each once: a list, or a text with `separator` between them; none where it is missing."""
        if self.missing:
            return ()
        parts = self.value
        if separator and isinstance(parts, str):
            parts = [part for part in parts.split(separator) if part.strip()]
        elif not isinstance(parts, list):
            parts = [parts]
        return tuple(dict.fromkeys(self.of(part).word() for part in parts))

    def number(self) -> float:
        """A finite number; true and false are 1 and 0."""
        if self.missing:
            raise self.bad(f"the {self.kind} is missing")
        try:
            found = float(self.value)
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if not math.isfinite(found):
            raise self.bad(f"expected a number as the {self.kind}, got {_shown(self.value)}")
        return found

    def items(self) -> list[Any]:
        """A list, or a text's words between blanks."""
        if self.missing:
            raise self.bad(f"the {self.kind} is missing or empty")
        if isinstance(self.value, str):
            return self._encodable(self.value).split()
        if not isinstance(self.value, list):
            raise self.bad(f"expected a list as the {self.kind}, got {_shown(self.value)}")
        return self.value

    def _encodable(self, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self.bad("half of a surrogate pair is no valid Unicode text") from error
        return text


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns that were looked for, in that order; an optional one that the file lacks has no name.

    Rows are read from the file as they are asked for, each time anew.
    """

    path: Path
    names: tuple[str | None, ...]
    rows: Iterable[tuple[Cell, ...]]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        return iter(self.rows)


def read_columns(path: str | Path, *wanted: Column) -> Columns:
    """The cells of the wanted columns, from CSV, TSV, JSON, JSON Lines or Parquet.

    Raises:
        RecordsError: The file or a column is not there or not usable; one sentence names the place.
    """
    path = Path(path)
    return pick(path, table_for(path, *wanted), *wanted)


def table_for(path: Path, *wanted: Column) -> Table:
    """The file's table, read with an eye to the names that the wanted columns were given."""
    return read_table(path, wanted=[column.asked for column in wanted if column.asked is not None])


def pick(path: Path, table: Table, *wanted: Column) -> Columns:
    """The cells of the wanted columns.

    Raises:
        NoSuchColumn: One is not there, or would be two at once.
    """
    places = _places(path, table, wanted)

    def rows() -> Iterator[tuple[Cell, ...]]:
        for place, row in table.rows:
            yield tuple(
                Cell(path=path, place=place, kind=column.kind, value=None if at is None else row[at])
                for column, at in zip(wanted, places, strict=True)
            )

    names = tuple(None if at is None else table.columns[at] for at in places)
    return Columns(path=path, names=names, rows=Anew(rows))


def find(table: Table, column: Column, *, taken: Collection[int | None] = ()) -> int | None:
    """Where a column stands, by its name or by guess; None if the table has none such that is not taken."""
    if column.asked is not None:
        return table.columns.index(column.asked) if column.asked in table.columns else None
    folded = [name.strip().casefold() for name in table.columns]
    places = (folded.index(name) for name in column.usual if name in folded)
    return next((at for at in places if at not in taken), None)


def _places(path: Path, table: Table, wanted: Sequence[Column]) -> list[int | None]:
    """Where each column stands; no column is taken for two, and names that were given come before guesses."""
    found: dict[int, int | None] = {}
    for order, column in sorted(enumerate(wanted), key=lambda pair: pair[1].asked is None):
        at = find(table, column, taken=found.values())
        twice = at is not None and at in found.values()
        if twice or (at is None and (column.asked is not None or not column.optional)):
            asked = None if twice else column.asked
            raise NoSuchColumn(path=path, kind=column.kind, wanted=asked, columns=table.columns)
        found[order] = at
    return [found[order] for order in range(len(wanted))]


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)[:60]
