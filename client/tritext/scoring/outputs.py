"""What is written: scored rows as CSV, TSV or JSON Lines, to a file that can be cut back and gone on with."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tritext.scoring.answers import Column
from tritext.scoring.errors import JournalUnreadable, OutputUnwritable
from tritext.scoring.inputs import Input
from tritext.scoring.jobs import Scored
from tritext.scoring.parquet import library

BUFFER = 256 * 1024
"""Characters that are kept before they are written."""

ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of an output.

    Attributes:
        kept: Those of the input.
        answers: Those of the answers.
        error: The one that says why a row has no answer, if there is one.
    """

    kept: tuple[str, ...]
    answers: tuple[Column, ...]
    error: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        added = [column.name for column in self.answers]
        return (*self.kept, *added, *([self.error] if self.error else []))


class Output(Protocol):
    """A file in the making. Its position is where it can be cut back to.

    Attributes:
        pause: Seconds between two commits that suit it.
    """

    pause: float

    def write(self, scored: Scored) -> None: ...

    def commit(self) -> int:
        """Put all that was written on the disk; returns the position behind it."""

    def finish(self) -> None:
        """Make the complete file, on the disk."""

    def close(self) -> None: ...


class TextOutput:
    """A file of text, of which the first `position` bytes stand."""

    pause = 1.0

    def __init__(self, path: Path, position: int, *, head: str, form: Callable[[Scored], str]) -> None:
        self._path, self._form = path, form
        self._pending: list[str] = []
        self._length = 0
        _check_size(path, position)
        with written(path):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
            os.ftruncate(self._file, position)
            os.lseek(self._file, position, os.SEEK_SET)
        if not position:
            self._add(head)

    def write(self, scored: Scored) -> None:
        self._add(self._form(scored))
        if self._length > BUFFER:
            self._flush()

    def commit(self) -> int:
        self._flush()
        with written(self._path):
            os.fsync(self._file)
            return os.lseek(self._file, 0, os.SEEK_CUR)

    def finish(self) -> None:
        self.commit()

    def close(self) -> None:
        os.close(self._file)

    def _add(self, text: str) -> None:
        self._pending.append(text)
        self._length += len(text)

    def _flush(self) -> None:
        # Half of a surrogate pair, which JSON can express and UTF-8 cannot, becomes a question mark.
        data = memoryview("".join(self._pending).encode("utf-8", "replace"))
        self._pending, self._length = [], 0
        with written(self._path):
            while data:
                data = data[os.write(self._file, data) :]


def open_output(path: Path, position: int, layout: Layout, source: Input) -> Output:
    """The output at `path` by its suffix, cut back to `position`."""
    if path.suffix in TEXT:
        return TEXT[path.suffix](path, position, layout)
    library(path)
    from tritext.scoring.parquet_output import ParquetOutput  # noqa: PLC0415 - needs pyarrow

    return ParquetOutput(path, position, layout, source)


def open_csv(path: Path, position: int, layout: Layout) -> TextOutput:
    """A CSV file; lists and objects in it are JSON."""
    return TextOutput(
        path,
        position,
        head=csv_line(layout.names),
        form=lambda scored: csv_line(map(cell, values(scored, layout))),
    )


def open_tsv(path: Path, position: int, layout: Layout) -> TextOutput:
    """A TSV file without quoting: a tab or line break within a value becomes a blank."""
    return TextOutput(
        path,
        position,
        head=_tsv_line(layout.names),
        form=lambda scored: _tsv_line(map(cell, values(scored, layout))),
    )


def open_json_lines(path: Path, position: int, layout: Layout) -> TextOutput:
    """A JSONL file; an object has the column of errors only if it has an error."""
    return TextOutput(path, position, head="", form=lambda scored: _json_line(scored, layout))


def widened(old: Path, new: Path, size: int, name: str) -> int:
    """A delimited file with one more, empty column; returns the new file's size.

    Args:
        old: The file, of which the first `size` bytes stand.
        new: The one to write.
        size: See `old`.
        name: The column.
    """
    _check_size(old, size)
    with written(new):
        os.truncate(old, size)
        with (
            old.open(encoding="utf-8", newline="") as source,
            new.open("w", encoding="utf-8", newline="") as file,
        ):
            added = name
            for line in _records(source, is_csv=old.suffix == ".csv"):
                file.write(line(added))
                added = ""
            file.flush()
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size


def _check_size(path: Path, size: int) -> None:
    """Raise if the file does not reach so far; cutting it to a size would fill it up with zeros."""
    if (path.stat().st_size if path.exists() else 0) < size:
        raise JournalUnreadable(path.parent)


def _records(source: Iterable[str], *, is_csv: bool) -> Iterator[Callable[[str], str]]:
    """Each record as a function that makes its line with one more field."""
    if is_csv:
        yield from (partial(_longer, fields) for fields in csv.reader(source, strict=True))
    else:
        yield from (partial(lambda bare, field: f"{bare}\t{field}\n", line[:-1]) for line in source)


def _longer(fields: Sequence[str], field: str) -> str:
    return csv_line([*fields, field])


TEXT = {".csv": open_csv, ".tsv": open_tsv, ".jsonl": open_json_lines, ".ndjson": open_json_lines}


def values(scored: Scored, layout: Layout) -> list[Any]:
    """A row's values in the order of the columns."""
    record = scored.row.record
    return [
        *(record.get(name) for name in layout.kept),
        *(scored.values or [None] * len(layout.answers)),
        *([scored.error or None] if layout.error else []),
    ]


def cell(value: Any) -> str:
    """A value as a field of a delimited file."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)


def csv_line(fields: Iterator[str] | Sequence[str]) -> str:
    """A record of a CSV file, https://www.rfc-editor.org/rfc/rfc4180, with a bare line feed at its end."""
    line = io.StringIO()
    # The writer quotes both characters of its own line end wherever they stand in a field.
    csv.writer(line, lineterminator="\r\n").writerow(fields)
    return f"{line.getvalue()[:-2]}\n"


def _tsv_line(fields: Iterator[str] | Sequence[str]) -> str:
    return "\t".join(field.translate(_BLANKS) for field in fields) + "\n"


_BLANKS = str.maketrans("\t\r\n", "   ")


def _json_line(scored: Scored, layout: Layout) -> str:
    named = dict(zip(layout.names, values(scored, layout), strict=True))
    absent = [name for name in layout.kept if name not in scored.row.record]
    if layout.error and not scored.error:
        absent.append(layout.error)
    for name in absent:
        del named[name]
    return json.dumps(named, ensure_ascii=False, default=str) + "\n"


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Around what writes: the system's complaint as a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0].rstrip(".")
        raise OutputUnwritable(path=path, reason=reason) from error
