"""CSV and TSV of any size, as `tritext.tables` understands them: quoted line breaks in CSV, no quoting in TSV."""

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tritext.scoring.inputs import Position, Row
from tritext.scoring.lines import MOST_ROW_BYTES, Lines, lines_of
from tritext.tables import NoRows

Fields = tuple[list[str], str]
"""The fields of a row, and what is wrong with it, if anything."""


@dataclass(frozen=True, kw_only=True)
class Delimited:
    """A delimited file; `split` makes rows of lines."""

    path: Path
    columns: tuple[str, ...]
    start: Position
    total: int
    split: Callable[[Lines], Iterator[Fields]]

    def rows(self, since: Position, *, read: Collection[str], carry: Sequence[str]) -> Iterator[Row]:  # noqa: ARG002
        with lines_of(self.path, since) as lines:
            for fields, problem in self.split(lines):
                if fields or problem:
                    yield Row(
                        place=f"line {lines.first}",
                        record=dict(zip(self.columns, fields, strict=False)),
                        after=lines.position,
                        problem=problem or lines.problem or self._wrong_number(fields),
                    )

    def arrow_fields(self, names: Sequence[str]) -> list[Any]:
        import pyarrow as pa  # noqa: PLC0415

        return [pa.field(name, pa.string()) for name in names]

    def _wrong_number(self, fields: Sequence[str]) -> str:
        if len(fields) == len(self.columns):
            return ""
        return f"expected {len(self.columns)} fields as in the first row, got {len(fields)}"


def open_csv(path: Path, wanted: Sequence[str]) -> Delimited:
    """A CSV file; a semicolon parts its fields if its first line has one and no comma."""
    csv.field_size_limit(MOST_ROW_BYTES)
    with lines_of(path, Position()) as lines:
        first = next(lines, "")
    delimiter = ";" if ";" in first and "," not in first else ","
    return _opened(path, wanted, partial(_csv_fields, delimiter=delimiter))


def open_tsv(path: Path, wanted: Sequence[str]) -> Delimited:
    """A TSV file, whose quotation marks mean nothing."""
    return _opened(path, wanted, _tsv_fields)


def _opened(path: Path, wanted: Sequence[str], split: Callable[[Lines], Iterator[Fields]]) -> Delimited:
    with lines_of(path, Position()) as lines:
        header, problem = next(
            ((fields, wrong) for fields, wrong in split(lines) if fields or wrong), ([], "")
        )
        if problem or lines.problem:
            raise lines.bad(problem or f"{lines.problem}; convert the file")
        behind = lines.position
    if not header:
        raise NoRows(path=path)
    names = [name.strip() for name in header]
    if wanted and all(name.isdecimal() and name not in names for name in wanted):
        names, behind = [str(number) for number in range(len(names))], Position()
    return Delimited(path=path, columns=tuple(names), start=behind, total=path.stat().st_size, split=split)


def _csv_fields(lines: Lines, *, delimiter: str) -> Iterator[Fields]:
    # The reader takes no line more than a row needs, so that `lines.position` is where the next row begins.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.ended:
                raise lines.bad("a quotation mark opens here that is never closed") from error
            yield [], f"this is not valid CSV ({error})"
        else:
            yield fields, ""


def _tsv_fields(lines: Lines) -> Iterator[Fields]:
    while True:
        lines.begin()
        line = next(lines, None)
        if line is None:
            return
        bare = line.rstrip("\r\n")
        yield bare.split("\t") if bare else [], ""
