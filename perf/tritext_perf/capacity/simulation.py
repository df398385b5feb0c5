"""Servers that behave as one was measured to: chains of steps with queues and batches, as Triton's dynamic batching forms them.

A discrete-event simulation. A request goes to the server with the fewest unanswered ones, passes the steps one after the
other, and waits before each until an instance is free, which then takes what waits, up to the largest batch. All batches
that a server computes at a time share its processors. Times in seconds. Knows no file, no clock and no network.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

ALMOST_NONE = 1e-9
"""Work that is left of a batch by rounding alone."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One part of a server: with a processor for itself, a batch takes `fixed` seconds and `each` for every row of average length."""

    name: str
    instances: int
    most_rows: int
    fixed: float
    each: float

    @property
    def least_work(self) -> float:
        """Processor seconds of a row, in full batches."""
        return self.fixed / self.most_rows + self.each


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One server: its steps, in the order in which texts pass them, and the processors that they share."""

    steps: Sequence[Step]
    cores: float
    lengths: Callable[[float], float]
    """The quantile function of a text's cost over the average one."""

    @property
    def most_per_second(self) -> float:
        """Texts a second with full batches: what the narrowest step, or all steps on the processors, let through."""
        steps = min(step.instances / step.least_work for step in self.steps if step.least_work)
        return min(steps, self.cores / sum(step.least_work for step in self.steps))


@dataclass
class _Request:
    sent: float
    cost: float


@dataclass
class _Batch:
    number: int
    """Of its step."""
    requests: Sequence[_Request]
    left: float
    """Work, in seconds of a processor of its own."""


@dataclass
class _Server:
    """One server at work: what waits, what is computed, and how far that has come by `moment`."""

    chain: Chain
    waiting: list["deque[_Request]"] = field(init=False)
    free: list[int] = field(init=False)
    running: list[_Batch] = field(default_factory=list)
    moment: float = 0.0
    unanswered: int = 0
    changes: int = 0

    def __post_init__(self) -> None:
        self.waiting = [deque() for _ in self.chain.steps]
        self.free = [step.instances for step in self.chain.steps]

    @property
    def _speed(self) -> float:
        return min(1.0, self.chain.cores / len(self.running))

    def next_end(self) -> float | None:
        """When the next batch is done, if nothing comes in between."""
        if not self.running:
            return None
        return self.moment + min(batch.left for batch in self.running) / self._speed

    def advance(self, moment: float) -> Iterator[_Request]:
        """Compute until then; whoever has passed all steps."""
        if self.running:
            computed = (moment - self.moment) * self._speed
            for batch in self.running:
                batch.left -= computed
        self.moment = moment
        done = [batch for batch in self.running if batch.left <= ALMOST_NONE]
        self.running = [batch for batch in self.running if batch.left > ALMOST_NONE]
        for batch in done:
            self.free[batch.number] += 1
        for batch in done:
            yield from self._pass_on(batch)

    def _pass_on(self, batch: _Batch) -> Iterator[_Request]:
        """Requests go on one by one, as Triton answers them; a free instance takes the first before the second is there."""
        self._begin(batch.number)
        if batch.number + 1 == len(self.chain.steps):
            self.unanswered -= len(batch.requests)
            yield from batch.requests
        else:
            for request in batch.requests:
                self.enter(request, batch.number + 1)

    def enter(self, request: _Request, number: int = 0) -> None:
        """A request comes to a step."""
        self.waiting[number].append(request)
        self._begin(number)

    def _begin(self, number: int) -> None:
        """Batches for all instances of a step that are free, of what waits."""
        step, waiting = self.chain.steps[number], self.waiting[number]
        while self.free[number] and waiting:
            batch = [waiting.popleft() for _ in range(min(step.most_rows, len(waiting)))]
            work = step.fixed + step.each * sum(request.cost for request in batch)
            self.free[number] -= 1
            self.running.append(_Batch(number, batch, work))


class Fleet:
    """So many servers of one kind behind a balancer; told of arrivals, it tells of answers."""

    def __init__(self, chain: Chain, *, servers: int, seed: int = 0) -> None:
        self._chain = chain
        self._servers = [_Server(chain) for _ in range(servers)]
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()
        self._chance = random.Random(seed)  # noqa: S311 - a simulation, no secret
        self.latencies: list[float] = []

    def poisson(self, rate: float, *, requests: int) -> list[float]:
        """Latencies of requests that arrive at random, `rate` a second, in the order of the answers."""
        moment = 0.0
        for _ in range(requests):
            moment += self._chance.expovariate(rate)
            self._at(moment, self._arrive)
        self._run(lambda _: None)
        return self.latencies

    def closed(self, users: int, *, requests: int) -> tuple[list[float], float]:
        """Latencies with so many users, each sending when the last one was answered; and the texts a second."""
        for _ in range(users):
            self._at(0.0, self._arrive)
        left, last = iter(range(requests - users)), 0.0

        def again(moment: float) -> None:
            nonlocal last
            last = moment
            if next(left, None) is not None:
                self._at(moment, self._arrive)

        self._run(again)
        return self.latencies, len(self.latencies) / last

    def _run(self, answered: Callable[[float], None]) -> None:
        self._answered = answered
        while self._events:
            moment, _, happens = heapq.heappop(self._events)
            happens(moment)

    def _at(self, moment: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), happens))

    def _arrive(self, moment: float) -> None:
        server = min(self._servers, key=lambda one: one.unanswered)
        server.unanswered += 1
        self._go_on(server, moment, _Request(moment, self._chain.lengths(self._chance.random())))

    def _go_on(self, server: _Server, moment: float, request: _Request | None = None) -> None:
        """Whatever changes in a server at a moment: ends, a new request, new batches."""
        for passed in server.advance(moment):
            self.latencies.append(moment - passed.sent)
            self._answered(moment)
        if request:
            server.enter(request)
        server.changes += 1
        end = server.next_end()
        if end is not None:
            self._at(end, partial(self._end, server, server.changes))

    def _end(self, server: _Server, changes: int, moment: float) -> None:
        """A batch is done, unless something has changed since that was foreseen."""
        if changes == server.changes:
            self._go_on(server, moment)
