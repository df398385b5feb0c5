"""Rows of a data file: knows CSV, TSV, JSON, JSON Lines, Parquet and plain text, and where in the file a row stands.

It refuses to know what the columns mean.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file's rows, each with the place a person finds it at."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Any, ...]], ...]


def read_table(path: Path, *, wanted: Sequence[str] = ()) -> Table:
    """Every row of the file at `path`, by the format that its suffix names.

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
    if not table.rows:
        raise NoRows(path=path)
    return table


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataFileUnreadable(path=path, reason=(error.strerror or str(error)).lower()) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = "expected UTF-8, got other bytes; convert the file"
        raise BadRow(path=path, place=f"line {line}", problem=problem) from error


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
    content = _decoded(path)
    first_line = content.partition("\n")[0]
    delimiter = ";" if ";" in first_line and "," not in first_line else ","
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            place = f"line {reader.line_num}"
            raise BadRow(path=path, place=place, problem=f"this is not valid CSV ({error})") from error

    return _delimited(path, rows(), wanted=wanted)


def _read_tsv(path: Path, wanted: Sequence[str]) -> Table:
    lines = enumerate(_decoded(path).split("\n"), start=1)
    rows = ((number, line.removesuffix("\r").split("\t")) for number, line in lines if line.strip("\r"))
    return _delimited(path, rows, wanted=wanted)


def _delimited(path: Path, rows: Iterable[tuple[int, list[str]]], *, wanted: Sequence[str]) -> Table:
    """A table whose first row is the header, unless columns were asked for by numbers that are no names in it."""
    filled = [(number, row) for number, row in rows if row]
    if not filled:
        raise NoRows(path=path)
    header = [name.strip() for name in filled[0][1]]
    if wanted and all(name.isdecimal() and name not in header for name in wanted):
        columns = tuple(str(index) for index in range(len(header)))
    else:
        columns, filled = tuple(header), filled[1:]
    for number, row in filled:
        if len(row) != len(columns):
            problem = f"expected {len(columns)} fields as in the first row, got {len(row)}"
            raise BadRow(path=path, place=f"line {number}", problem=problem)
    return Table(columns=columns, rows=tuple((f"line {number}", tuple(row)) for number, row in filled))


def _read_json_lines(path: Path, wanted: Sequence[str]) -> Table:  # noqa: ARG001
    records = []
    for place, line in plain_lines(path):
        if line.strip():
            records.append((place, _parsed(path, place, line)))
    return _from_records(path, records)


def _read_json(path: Path, wanted: Sequence[str]) -> Table:
    content = _decoded(path)
    if content.lstrip().startswith("{"):
        return _read_json_lines(path, wanted)
    values = _parsed(path, "", content)
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


def _from_records(path: Path, records: Sequence[tuple[str, Any]]) -> Table:
    if records and all(isinstance(record, str) for _, record in records):
        return Table(columns=("text",), rows=tuple((place, (record,)) for place, record in records))
    for place, record in records:
        if not isinstance(record, dict):
            problem = f"expected a JSON object with a text and its label, got {json.dumps(record)[:60]}"
            raise BadRow(path=path, place=place, problem=problem)
    columns = tuple(dict.fromkeys(key for _, record in records for key in record))
    rows = tuple((place, tuple(record.get(key) for key in columns)) for place, record in records)
    return Table(columns=columns, rows=rows)


def _read_parquet(path: Path, wanted: Sequence[str]) -> Table:  # noqa: ARG001
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra(extra="training", module="pyarrow") from error
    except ImportError as error:  # installed, but not for the numpy that is there
        raise DataFileUnreadable(path=path, reason=str(error)) from error
    try:
        table = parquet.read_table(path)
    except OSError as error:
        reason = (error.strerror or str(error).partition("\n")[0]).lower().rstrip(".")
        raise DataFileUnreadable(path=path, reason=reason) from error
    except pa.ArrowException as error:
        raise DataFileUnreadable(path=path, reason="it is not a valid Parquet file") from error
    columns = tuple(table.column_names)
    values = zip(*(table.column(index).to_pylist() for index in range(len(columns))), strict=True)
    return Table(
        columns=columns, rows=tuple((f"row {number}", row) for number, row in enumerate(values, start=1))
    )


_READERS: dict[str, Callable[[Path, Sequence[str]], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
