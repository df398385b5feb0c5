"""The world of threads that block, for the client's one logic, which is written as coroutines.

Here no coroutine ever suspends: what it awaits has happened when it is awaited. So one `send` runs it to
its end, without an event loop. Knows nothing of servers and items.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from tritext.worlds import Job, Value, each


class Blocking:
    """Jobs are threads of a small pool, made when the first job needs it."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ThreadPoolExecutor | None = None

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251

    def start(self, job: Job[Value]) -> Future[Value]:
        self._pool = self._pool or ThreadPoolExecutor(self._jobs, thread_name_prefix="tritext-client")
        # With the caller's context: an active span is the parent of what the job sends.
        return self._pool.submit(copy_context().run, lambda: run(job()))

    async def result(self, handle: Future[Value]) -> Value:
        return handle.result()

    async def abandon(self, handles: Iterable[Future[Any]]) -> None:
        for handle in handles:
            handle.cancel()

    async def close(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def each(self, items: Iterable[Any]) -> AsyncIterator[Any]:
        return each(items)


def run(coroutine: Awaitable[Value]) -> Value:
    """The result of a coroutine of the blocking world."""
    try:
        coroutine.__await__().send(None)
    except StopIteration as stop:
        value: Value = stop.value
        return value
    raise RuntimeError("a coroutine of the blocking world was suspended")


def unrolled(items: AsyncGenerator[Value, None]) -> Iterator[Value]:
    """An async generator of the blocking world as a plain one."""
    try:
        while True:
            try:
                item = run(anext(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())
