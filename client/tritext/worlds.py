"""What the client's one logic, written as coroutines, needs of the world it runs in: waiting, and several jobs at once.

`tritext.blocking` is the world of threads, `tritext.aio` that of asyncio. Knows nothing of servers and items.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

Value = TypeVar("Value")
AnyIterable = Iterable[Value] | AsyncIterable[Value]
Job = Callable[[], Coroutine[Any, Any, Value]]


class World(Protocol):
    """Waiting, and several jobs at once."""

    async def pause(self, seconds: float) -> None: ...

    def start(self, job: Job[Value]) -> Any:
        """Begin a job and return its handle."""

    async def result(self, handle: Any) -> Any:
        """The job's result, or its error."""

    async def abandon(self, handles: Iterable[Any]) -> None:
        """Stop jobs whose results nobody wants."""

    async def close(self) -> None: ...

    def each(self, items: Any) -> AsyncIterator[Any]:
        """The items one by one."""


async def each(items: Iterable[Any]) -> AsyncIterator[Any]:
    """A plain iterable as an async one."""
    for item in items:
        yield item
