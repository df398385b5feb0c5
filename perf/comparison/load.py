"""The load generator that every server meets: HTTP/1.1 with connections kept alive, the requests made beforehand.

It shares the processors with the servers it measures, so it does as little as it can for each request.
"""

import asyncio
import itertools
import random
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import httptools
import uvloop

OK = 200

MOST_CONNECTIONS = 1024
"""At random arrivals; a request that finds all of them taken waits, and its latency counts from when it was due."""

ROUNDS_OF_USERS = 4
"""A closed loop goes on until it has had so many answers for each user: a batch of long texts may take longer than it should last."""

LONGEST_S = 60.0
"""But not for longer."""

PATIENCE_S = 60.0
"""How long the answers still outstanding at the end may take."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where requests go."""

    port: int
    path: str
    host: str = "127.0.0.1"
    content_type: str = "application/json"
    tls: Path | None = None
    """The certificate to believe, where the server speaks TLS."""

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.tls) if self.tls else None

    def connection(self) -> HTTPConnection:
        """For a question beside the load."""
        if self.context:
            return HTTPSConnection(self.host, self.port, timeout=PATIENCE_S, context=self.context)
        return HTTPConnection(self.host, self.port, timeout=PATIENCE_S)

    def request(self, body: bytes) -> bytes:
        """An HTTP request with this body, byte for byte."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAccept: */*\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(kw_only=True)
class Load:
    """What was seen in one stretch of load."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    """Of the requests answered well inside it, in seconds."""
    errors: int = 0
    answered: int = 0
    """All requests that were answered, also those too early or too late to count."""
    is_over: bool = False

    def count(self, latency: float | None, *, passed: float, users: int, at_least: float) -> None:
        """An answer, or an error, `passed` seconds after the beginning; the last one ends the load."""
        if latency is None:
            self.errors += 1
        else:
            self.latencies.append(latency)
        had_enough = len(self.latencies) + self.errors >= ROUNDS_OF_USERS * users or passed >= LONGEST_S
        if passed >= at_least and had_enough:
            self.is_over, self.seconds = True, passed

    @property
    def throughput(self) -> float:
        """Texts answered per second."""
        return len(self.latencies) / self.seconds


class Connection(asyncio.Protocol):
    """One request at a time, over one connection."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The answer's status and body; status 0 if the connection was lost."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._settle(0, b"")

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        status = self._parser.get_status_code()
        stays = self._parser.should_keep_alive()
        self._body, self._parser = [], httptools.HttpResponseParser(self)
        if not stays:
            self.close()
        self._settle(status, body)

    def _settle(self, status: int, body: bytes) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result((status, body))


class User:
    """Somebody who asks one thing at a time, over a connection that is opened when it is needed, and again when it was lost."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The answer's status and body; status 0 if the connection was lost on the way.

        Raises:
            OSError: Nobody listens.
            TimeoutError: No answer came.
        """
        if self._connection is None or not self._connection.is_open:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(
                Connection, self._address.host, self._address.port, ssl=self._address.context
            )
        return await asyncio.wait_for(self._connection.ask(request), PATIENCE_S)

    def close(self) -> None:
        if self._connection:
            self._connection.close()


def closed(
    address: Address, requests: Sequence[bytes], *, users: int, seconds: float, settle: float = 1.0
) -> Load:
    """`users` at once, each sending a request as soon as its last one was answered.

    It lasts `seconds`, or longer where answers are slow; the first `settle` seconds do not count. At the end all
    answers are waited for, so that nothing is left to do for whoever is measured next.
    """

    async def use(queue: Iterator[bytes], load: Load, begin: float) -> None:
        with closing(User(address)) as user:
            while not load.is_over:
                sent = time.perf_counter()
                status, _ = await user.ask(next(queue))
                answered = time.perf_counter()
                load.answered += 1
                if answered >= begin and not load.is_over:
                    latency = answered - sent if status == OK else None
                    load.count(latency, passed=answered - begin, users=users, at_least=seconds)

    async def run() -> Load:
        load = Load(seconds=seconds)
        begin = time.perf_counter() + settle
        queue = itertools.cycle(requests)
        await asyncio.gather(*(use(queue, load, begin) for _ in range(users)))
        return load

    return uvloop.run(run())


def poisson(
    address: Address,
    requests: Sequence[bytes],
    *,
    rate: float,
    seconds: float,
    seed: int,
    settle: float = 1.0,
) -> Load:
    """Requests at random times, `rate` a second on average, whether or not the server keeps up.

    A latency counts from when its request was due. Requests due in the first `settle` seconds do not count.
    """

    async def run() -> Load:
        load, unheeded = Load(seconds=seconds), Load(seconds=settle)
        users = [User(address) for _ in range(MOST_CONNECTIONS)]
        free: asyncio.LifoQueue[User] = asyncio.LifoQueue()
        for user in users:
            free.put_nowait(user)
        begin, tasks = time.perf_counter(), []
        awaited = zip(arrivals(rate, settle + seconds, seed), itertools.cycle(requests), strict=False)
        for due, request in awaited:
            await asyncio.sleep(max(0.0, begin + due - time.perf_counter()))
            counted = load if due >= settle else unheeded
            tasks.append(asyncio.create_task(_arrival(free, request, begin + due, counted)))
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
        for user in users:
            user.close()
        return load

    return uvloop.run(run())


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Moments within so many seconds, `rate` a second on average, each independent of all others."""
    chance = random.Random(seed)  # noqa: S311 - arrival times, no secret
    due = chance.expovariate(rate)
    while due < seconds:
        yield due
        due += chance.expovariate(rate)


async def _arrival(free: "asyncio.LifoQueue[User]", request: bytes, due: float, load: Load) -> None:
    user = await free.get()
    status, _ = await user.ask(request)
    free.put_nowait(user)
    if status == OK:
        load.latencies.append(time.perf_counter() - due)
    else:
        load.errors += 1


def ask_each(address: Address, requests: Sequence[bytes], *, users: int = 16) -> list[tuple[int, bytes]]:
    """Every request once: statuses and bodies in the order of the requests."""

    async def run() -> list[tuple[int, bytes]]:
        answers: list[tuple[int, bytes]] = [(0, b"")] * len(requests)
        numbered = enumerate(requests)

        async def use() -> None:
            with closing(User(address)) as user:
                for number, request in numbered:
                    answers[number] = await user.ask(request)

        await asyncio.gather(*(use() for _ in range(users)))
        return answers

    return uvloop.run(run())
