"""HTTP, blocking: the async transport on an event loop in a thread of its own.

tritonclient's blocking HTTP client is made of gevent, which belongs to one thread and leaves open files behind in
every other; a loop in one thread serves all threads. Knows threads and loops; knows no HTTP.
"""

import asyncio
import threading
import weakref
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, TypeVar

import tritonclient.http.aio

from tritext.address import Address
from tritext.http_aio_transport import HttpAioTransport
from tritext.tls import Tls
from tritext.transport import Transport

Value = TypeVar("Value")


class LoopThread:
    """An event loop that runs in the background."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tritext-http", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Value]) -> Value:
        """Run in the loop, and wait for it here."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        self.run(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class HttpTransport(Transport):
    """Its thread starts with the first call and ends with `close`, or when nobody holds the transport any more."""

    broken: ClassVar[tuple[type[Exception], ...]] = HttpAioTransport.broken

    def __init__(self, address: Address, *, headers: Mapping[str, str], tls: Tls | None = None) -> None:
        super().__init__(address, library=tritonclient.http.aio, headers=headers)
        self._inner = HttpAioTransport(address, headers=headers, tls=tls)
        self._starting = threading.Lock()
        self._background: LoopThread | None = None
        self._end: weakref.finalize[..., HttpTransport] | None = None

    async def perform(self, method: str, seconds: float, arguments: Mapping[str, Any]) -> Any:
        return self._running().run(self._inner.perform(method, seconds, arguments))

    def _running(self) -> LoopThread:
        with self._starting:
            if self._background is None:
                self._background = LoopThread()
                self._end = weakref.finalize(self, _end, self._background, self._inner)
        return self._background

    async def drop(self) -> None:
        if self._end is not None:
            self._end()


def _end(background: LoopThread, inner: HttpAioTransport) -> None:
    background.run(inner.drop())
    background.stop()


async def _cancel_all() -> None:
    """Stop the calls that nobody waits for any more."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
