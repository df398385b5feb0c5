"""Rows of a data file: knows CSV, TSV, JSON, JSON Lines, Parquet and plain text, and where in the file a row stands.

It refuses to know what the columns mean. Rows are read as they are asked for, a few at a time, so that a file may be
larger than memory; only a JSON list, whose end is not known before it is read, is held as a whole.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from tritext.errors import MissingExtra, TritextError


class RecordsError(TritextError):
    """A data file cannot be used as it is."""


class DataFileUnreadable(RecordsError):
    """The file is not there, is a folder, may not be read, or is not of its format."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"Cannot read {path}: {reason}.")


class UnknownFormat(RecordsError):
    """The file's suffix names no format that can be read."""

    def __init__(self, *, path: Path, known: Iterable[str]) -> None:
        super().__init__(
            f"Cannot tell the format of {path} from its suffix {path.suffix!r}: expected one of {', '.join(known)}."
        )


class NoRows(RecordsError):
    """The file holds no row of data."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"{path} holds no rows: expected at least one text.")


class BadRow(RecordsError):
    """One row is not what the others are."""

    def __init__(self, *, path: Path, place: str, problem: str) -> None:
        super().__init__(f"{path}, {place}: {problem}.")


Item = TypeVar("Item")


@dataclass(frozen=True)
class Anew(Generic[Item]):
    """What can be gone through again and again, and is read anew each time."""

    read: Callable[[], Iterator[Item]]

    def __iter__(self) -> Iterator[Item]:
        return self.read()


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file's rows, each with the place a person finds it at.

    What is wrong with a row is raised when the row is reached.
    """

    columns: tuple[str, ...]
    rows: Iterable[tuple[str, tuple[Any, ...]]]


def read_table(path: Path, *, wanted: Sequence[str] = ()) -> Table:
    """The rows of the file at `path`, by the format that its suffix names.

    Args:
        path: The file.
        wanted: The columns asked for. Numbers that are no names in the first row of a delimited file say
            that it has no header; its columns are then called by their positions, from "0".

    Raises:
        RecordsError: The file is not there, not of its format, or without rows.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UnknownFormat(path=path, known=_READERS)
    table = reader(path, wanted)
    if next(iter(table.rows), None) is None:
        raise NoRows(path=path)
    return table


@contextmanager
def _opened(path: Path, *, newline: str) -> Iterator[IO[str]]:
    """The file as text; lines end at `newline`, or for "" at whatever ends lines, and keep their ends."""
    try:
        file = path.open(encoding="utf-8-sig", newline=newline)
    except OSError as error:
        raise DataFileUnreadable(path=path, reason=(error.strerror or str(error)).lower()) from error
    with file:
        try:
            yield file
        except UnicodeDecodeError as error:
            raise _not_utf8(path) from error


def _not_utf8(path: Path) -> BadRow:
    with path.open("rb") as file:
        number = next((number for number, line in enumerate(file, start=1) if not _is_utf8(line)), 1)
    problem = "expected UTF-8, got other bytes; convert the file"
    return BadRow(path=path, place=f"line {number}", problem=problem)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(path: Path) -> str:
    with _opened(path, newline="\n") as file:
        return file.read()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, without their ends, numbered from 1."""
    with _opened(path, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            yield number, line.removesuffix("\n").removesuffix("\r")


def plain_lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a text file, each with its place; blank lines at the end do not count."""
    lines = [line.removesuffix("\r") for line in _decoded(path).rstrip("\r\n").split("\n")]
    if lines == [""]:
        raise NoRows(path=path)
    return [(f"line {number}", line) for number, line in enumerate(lines, start=1)]


def read_json(path: Path) -> Any:
    """The one JSON document that a file is.

    Raises:
        RecordsError: The file is not there, or not one JSON document.
    """
    return _parsed(path, "", _decoded(path))


def _read_csv(path: Path, wanted: Sequence[str]) -> Table:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with _opened(path, newline="") as file:
        first_line = file.readline()
    delimiter = ";" if ";" in first_line and "," not in first_line else ","

    def rows() -> Iterator[tuple[int, list[str]]]:
        with _opened(path, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            try:
                for row in reader:
                    yield reader.line_num, row
            except csv.Error as error:
                place = f"line {reader.line_num}"
                raise BadRow(path=path, place=place, problem=f"this is not valid CSV ({error})") from error

    return _delimited(path, Anew(rows), wanted=wanted)


def _read_tsv(path: Path, wanted: Sequence[str]) -> Table:
    def rows() -> Iterator[tuple[int, list[str]]]:
        return ((number, line.split("\t")) for number, line in _lines(path) if line)

    return _delimited(path, Anew(rows), wanted=wanted)


def _delimited(path: Path, rows: Iterable[tuple[int, list[str]]], *, wanted: Sequence[str]) -> Table:
    """A table whose first row is the header, unless columns were asked for by numbers that are no names in it."""
    first = next((row for _, row in rows if row), None)
    if first is None:
        raise NoRows(path=path)
    header = [name.strip() for name in first]
    headless = wanted and all(name.isdecimal() and name not in header for name in wanted)
    columns = tuple(str(index) for index in range(len(header))) if headless else tuple(header)

    def read() -> Iterator[tuple[str, tuple[str, ...]]]:
        filled = ((number, row) for number, row in rows if row)
        if not headless:
            next(filled)
        for number, row in filled:
            if len(row) != len(columns):
                problem = f"expected {len(columns)} fields as in the first row, got {len(row)}"
                raise BadRow(path=path, place=f"line {number}", problem=problem)
            yield f"line {number}", tuple(row)

    return Table(columns=columns, rows=Anew(read))


def _read_json_lines(path: Path, wanted: Sequence[str]) -> Table:  # noqa: ARG001
    def records() -> Iterator[tuple[str, Any]]:
        for number, line in _lines(path):
            if line.strip():
                yield f"line {number}", _parsed(path, f"line {number}", line)

    return _from_records(path, Anew(records))


def _read_json(path: Path, wanted: Sequence[str]) -> Table:
    with _opened(path, newline="\n") as file:
        beginning = next((line.lstrip() for line in file if line.strip()), "")
    if beginning.startswith("{"):
        return _read_json_lines(path, wanted)
    values = _parsed(path, "", _decoded(path))
    if not isinstance(values, list):
        raise DataFileUnreadable(path=path, reason="expected a JSON list of objects")
    return _from_records(path, [(f"row {number}", value) for number, value in enumerate(values, start=1)])


def _parsed(path: Path, place: str, content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        where = place or f"line {error.lineno}"
        raise BadRow(path=path, place=where, problem=f"this is not valid JSON ({error.msg})") from error
    except RecursionError as error:
        raise DataFileUnreadable(path=path, reason="its JSON is nested too deeply") from error


def _from_records(path: Path, records: Iterable[tuple[str, Any]]) -> Table:
    """Objects are rows of the columns that any of them names; a file of nothing but texts is one column."""
    names: dict[str, None] = {}
    odd: tuple[str, Any] | None = None
    texts = True
    for place, record in records:
        if isinstance(record, dict):
            names.update(dict.fromkeys(record))
        else:
            odd = odd or (place, record)
        texts = texts and isinstance(record, str)
        if odd and not texts:
            problem = f"expected a JSON object with a text and its label, got {json.dumps(odd[1])[:60]}"
            raise BadRow(path=path, place=odd[0], problem=problem)
    if odd:
        return Table(columns=("text",), rows=Anew(lambda: ((place, (text,)) for place, text in records)))
    columns = tuple(names)
    return Table(
        columns=columns,
        rows=Anew(lambda: ((place, tuple(map(record.get, columns))) for place, record in records)),
    )


def _read_parquet(path: Path, wanted: Sequence[str]) -> Table:  # noqa: ARG001
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra(extra="training", module="pyarrow") from error
    except ImportError as error:  # installed, but not for the numpy that is there
        raise DataFileUnreadable(path=path, reason=str(error)) from error
    try:
        columns = tuple(parquet.ParquetFile(path).schema_arrow.names)
    except OSError as error:
        reason = (error.strerror or str(error).partition("\n")[0]).lower().rstrip(".")
        raise DataFileUnreadable(path=path, reason=reason) from error
    except pa.ArrowException as error:
        raise DataFileUnreadable(path=path, reason="it is not a valid Parquet file") from error

    def rows() -> Iterator[tuple[str, tuple[Any, ...]]]:
        number = 0
        for batch in parquet.ParquetFile(path).iter_batches(_PARQUET_ROWS):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield f"row {number}", row

    return Table(columns=columns, rows=Anew(rows))


_PARQUET_ROWS = 1024

_READERS: dict[str, Callable[[Path, Sequence[str]], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
