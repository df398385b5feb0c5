"""The lines of a text file of any size, with the position behind each. Knows no format."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tritext.scoring.inputs import Position
from tritext.tables import BadRow, DataFileUnreadable

MOST_ROW_BYTES = 64 * 1024 * 1024
"""The longest row. No request of Triton's is longer, and a file whose quotation marks do not match is one endless row."""

BOM = b"\xef\xbb\xbf"


class Lines:
    """An iterator over lines, their ends included, which knows where the row that they make began.

    Attributes:
        first: The number of the row's first line, from 1.
        problem: What is wrong with the row's bytes, if anything.
        ended: Whether the end of the file has been met.
    """

    def __init__(self, path: Path, file: BinaryIO, since: Position) -> None:
        self._path, self._file = path, file
        self._at, self._line = since.at, since.line
        self.ended = False
        self.begin()

    def begin(self) -> None:
        """The next line begins a row."""
        self._begun, self.first, self.problem = self._at, self._line + 1, ""

    @property
    def position(self) -> Position:
        return Position(at=self._at, line=self._line)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MOST_ROW_BYTES + 1)
        if not raw:
            self.ended = True
            raise StopIteration
        bare = raw.removeprefix(BOM) if self._at == 0 else raw
        self._at += len(raw)
        self._line += 1
        if self._at - self._begun > MOST_ROW_BYTES:
            raise self.bad(
                f"this row is longer than {MOST_ROW_BYTES >> 20} MB, or its quotation marks do not match"
            )
        try:
            return bare.decode()
        except UnicodeDecodeError as error:
            self.problem = f"byte 0x{bare[error.start]:02x} is not valid UTF-8"
            return bare.decode("utf-8", "surrogateescape")

    def bad(self, problem: str) -> BadRow:
        return BadRow(path=self._path, place=f"line {self.first}", problem=problem)


@contextmanager
def lines_of(path: Path, since: Position) -> Iterator[Lines]:
    """The lines from a position on."""
    try:
        with path.open("rb", buffering=1 << 20) as file:
            file.seek(since.at)
            yield Lines(path, file, since)
    except OSError as error:
        raise DataFileUnreadable(path=path, reason=(error.strerror or str(error)).lower()) from error
