"""What is read: rows of a file of any size, one after the other, from any row on. Knows no task, and no single format."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tritext.scoring.errors import InputChanged
from tritext.tables import DataFileUnreadable, UnknownFormat

HEAD_BYTES = 1 << 20
"""Bytes at the beginning and at the end of a file that must stay the same between a run and its resumption."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where reading goes on: behind `at` bytes (in Parquet rows) and `line` lines of the file."""

    at: int = 0
    line: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row.

    Attributes:
        place: Where a person finds it.
        record: Its values by column.
        after: Where the next row begins.
        problem: What is wrong with it as a row of its file, if anything.
        batch: The Arrow record batch that holds it, of a Parquet file; `index` is its place there.
    """

    place: str
    record: Mapping[str, Any]
    after: Position
    problem: str = ""
    batch: Any = None
    index: int = 0


class Input(Protocol):
    """A data file.

    Attributes:
        columns: All that its rows have, in order.
        start: Where the first row begins.
        total: `Position.at` at the end.
    """

    path: Path
    columns: tuple[str, ...]
    start: Position
    total: int

    def rows(self, since: Position, *, read: Collection[str], carry: Sequence[str]) -> Iterator[Row]:
        """The rows from a position on.

        Args:
            since: `start`, or what an earlier row had as `after`.
            read: The columns whose values are wanted in records.
            carry: The columns that are wanted as Arrow arrays, if the file holds such.

        Raises:
            RecordsError: The file cannot be read, or its rows cannot be told apart from here on.
        """

    def arrow_fields(self, names: Sequence[str]) -> list[Any]:
        """Columns as fields of an Arrow schema."""


Opener = Callable[[Path, Sequence[str]], Input]

_OPENERS = {
    ".csv": ("delimited", "open_csv"),
    ".tsv": ("delimited", "open_tsv"),
    ".jsonl": ("json_lines", "open_json_lines"),
    ".ndjson": ("json_lines", "open_json_lines"),
    ".parquet": ("parquet", "open_parquet"),
}


def open_input(path: Path, wanted: Sequence[str]) -> Input:
    """The data file at `path`, by its suffix.

    Args:
        path: The file.
        wanted: Columns that were asked for. As in `tritext.tables`, numbers that are no names in the first row
            of a delimited file say that it has no header.

    Raises:
        RecordsError: It cannot be read, is of no known format, or is empty.
    """
    if path.suffix.lower() not in _OPENERS:
        raise UnknownFormat(path=path, known=_OPENERS)
    module, name = _OPENERS[path.suffix.lower()]
    opener: Opener = getattr(import_module(f"tritext.scoring.{module}"), name)
    return opener(path, wanted)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What tells a file from what it was before; `ends` is the SHA-256 of its beginning and its end."""

    size: int
    mtime_ns: int
    ends: str

    @classmethod
    def of(cls, path: Path) -> "Fingerprint":
        try:
            with path.open("rb") as file:
                digest = hashlib.sha256(file.read(HEAD_BYTES))
                status = path.stat()
                file.seek(max(0, status.st_size - HEAD_BYTES))
                digest.update(file.read(HEAD_BYTES))
        except OSError as error:
            raise DataFileUnreadable(path=path, reason=(error.strerror or str(error)).lower()) from error
        return cls(size=status.st_size, mtime_ns=status.st_mtime_ns, ends=digest.hexdigest())

    def check(self, path: Path) -> None:
        """Raise `InputChanged` if the file is another one now."""
        now = asdict(Fingerprint.of(path))
        words = {"size": "its size", "mtime_ns": "its time of modification", "ends": "its content"}
        for name, was in asdict(self).items():
            if now[name] != was:
                raise InputChanged(path=path, what=words[name])
