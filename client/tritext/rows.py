"""Texts to requests' worth of rows: what a text must be, how many go into one request, what a bad one costs.

Knows no network.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tritext.failures import InvalidText

MOST_BYTES = 8 * 1024 * 1024
"""Bytes of text in one request, unless a single text is longer. Triton's HTTP server takes 64 MB at most."""

Row = bytes | InvalidText
"""A text as it is sent, or what is wrong with it."""


@dataclass(kw_only=True)
class Batch:
    """Consecutive texts of a call that travel in one request; `start` is the position of the first."""

    start: int
    rows: list[Row] = field(default_factory=list)
    size: int = 0

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.size += _size(row)

    def has_room(self, row: Row, max_rows: int) -> bool:
        return len(self.rows) < max_rows and (not self.rows or self.size + _size(row) <= MOST_BYTES)


def encode(text: Any, row: int) -> Row:
    """The text as UTF-8, or why it has none."""
    if not isinstance(text, str):
        return InvalidText(row=row, reason=f"is no text: expected a str, got {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        return InvalidText(row=row, reason=_unencodable(ord(text[error.start]), error.start))


def _unencodable(code: int, position: int) -> str:
    """Python carries bytes of the outside that are not UTF-8 as U+DC80 to U+DCFF (PEP 383)."""
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004
        return f"is not valid UTF-8: byte 0x{code - 0xDC00:02x} at position {position}"
    return f"is not valid Unicode: half of a surrogate pair, U+{code:04X}, at position {position}"


async def batches(texts: AsyncIterable[Any], max_rows: int) -> AsyncIterator[Batch]:
    """Cut texts into batches of at most `max_rows` rows and `MOST_BYTES`, reading no further than the next batch."""
    batch, position = Batch(start=0), 0
    async for text in texts:
        row = encode(text, position)
        if not batch.has_room(row, max_rows):
            yield batch
            batch = Batch(start=position)
        batch.add(row)
        position += 1
        if len(batch.rows) == max_rows:
            yield batch
            batch = Batch(start=position)
    if batch.rows:
        yield batch


def sound(rows: Sequence[Row], *, start: int) -> list[bytes]:
    """The rows, if all can be sent; `start` is the first one's position in the call.

    Raises:
        InvalidText: The first that cannot, by its position among these rows.
    """
    found: list[bytes] = []
    for row in rows:
        if isinstance(row, InvalidText):
            raise row.at(row.row - start)
        found.append(row)
    return found


async def answers_or_errors(
    rows: Sequence[Row], ask: Callable[[Sequence[bytes]], Awaitable[Sequence[Any]]], *, start: int
) -> list[Any]:
    """One answer for each row, and in the place of each bad one its `InvalidText`.

    A request is refused as a whole, with the number of one bad row: the rows before and behind it are asked
    for again, so `n` bad rows cost at most `2n` more requests.
    """
    if not rows:
        return []
    try:
        return list(await ask(sound(rows, start=start)))
    except InvalidText as error:
        if not 0 <= error.row < len(rows):
            raise
        before = await answers_or_errors(rows[: error.row], ask, start=start)
        behind = await answers_or_errors(rows[error.row + 1 :], ask, start=start + error.row + 1)
        return [*before, error.at(start + error.row), *behind]


def _size(row: Row) -> int:
    return len(row) if isinstance(row, bytes) else 0
