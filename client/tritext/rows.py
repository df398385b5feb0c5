"""Items to requests' worth of rows: how many go into one request, and what a bad one costs.

Knows no network.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tritext.failures import InvalidText, TooMuchAtOnce
from tritext.items import Row

MOST_BYTES = 8 * 1024 * 1024
"""Bytes of text in one request, unless a single item is longer. Triton's HTTP server takes 64 MB at most."""

SoundRow = tuple[list[bytes], ...]
Ask = Callable[[Sequence[SoundRow]], Awaitable[Sequence[Any]]]
"""One answer for each row of a request; the `InvalidText` of a refusal counts from the request's first row."""


@dataclass(kw_only=True)
class Batch:
    """Consecutive items of a call that travel in one request; `start` is the position of the first."""

    start: int
    rows: list[Row] = field(default_factory=list)
    size: int = 0

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.size += _size(row)

    def has_room(self, row: Row, max_rows: int) -> bool:
        return len(self.rows) < max_rows and (not self.rows or self.size + _size(row) <= MOST_BYTES)


async def batches(
    items: AsyncIterable[Any], encode: Callable[[Any, int], Row], max_rows: int
) -> AsyncIterator[Batch]:
    """Cut items into batches of at most `max_rows` rows and `MOST_BYTES`, reading no further than the next batch.

    `encode` makes the row of an item and its position in the call.
    """
    batch, position = Batch(start=0), 0
    async for item in items:
        row = encode(item, position)
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


def sound(rows: Sequence[Row], *, start: int) -> list[SoundRow]:
    """The rows, if all can be sent; `start` is the first one's position in the call.

    Raises:
        InvalidText: The first that cannot, by its position among these rows.
    """
    found: list[SoundRow] = []
    for row in rows:
        if isinstance(row, InvalidText):
            raise row.at(row.row - start)
        found.append(row)
    return found


async def answers_or_errors(rows: Sequence[Row], ask: Ask, *, start: int) -> list[Any]:
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


async def in_halves(rows: Sequence[SoundRow], ask: Ask, *, name: str) -> Sequence[Any]:
    """One answer for each row, in as many requests as it takes where they are too much for one.

    Args:
        rows: What to ask about.
        ask: Sends a request.
        name: The input that an item which is too much on its own is called by.

    Raises:
        InvalidText: A row that is too much on its own.
    """
    try:
        return await ask(rows)
    except TooMuchAtOnce as error:
        if len(rows) == 1:
            raise InvalidText(row=0, reason=error.reason, input=name) from error
    middle = len(rows) // 2
    first = await in_halves(rows[:middle], ask, name=name)
    try:
        return [*first, *await in_halves(rows[middle:], ask, name=name)]
    except InvalidText as error:
        raise error.at(middle + error.row) from error


def _size(row: Row) -> int:
    return 0 if isinstance(row, InvalidText) else sum(len(value) for values in row for value in values)
