"""What is compared: systems that are started, asked, loaded and stopped, whatever they are made of."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from comparison import load, processes
from comparison.processes import Failed

if TYPE_CHECKING:
    import subprocess

Kind = Literal["tritext", "triton", "peer", "ceiling"]

START_S = 600.0
"""How long a server may take until it answers; some convert the checkpoint first."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One stretch of load: texts per second, latencies in milliseconds (0 where nothing is awaited)."""

    throughput: float
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    errors: int = 0
    processor: float = 0.0
    """Microseconds of processor time for a text, of all the system's processes; 0 where it was not taken."""
    client: float = 0.0
    """The same, of the load generator."""

    @classmethod
    def of(cls, seen: load.Load) -> "Figures":
        if len(seen.latencies) < 2:  # noqa: PLR2004 - percentiles lie between two
            return cls(throughput=seen.throughput, errors=seen.errors)
        cuts = statistics.quantiles(seen.latencies, n=100, method="inclusive")
        p50, p90, p99 = (round(cuts[place - 1] * 1000, 2) for place in (50, 90, 99))
        return cls(throughput=round(seen.throughput, 2), p50=p50, p90=p90, p99=p99, errors=seen.errors)


class Started(Protocol):
    """A system that runs."""

    def pause(self) -> None:
        """Take no processor time, while others are measured."""

    def resume(self) -> None:
        """Be ready again."""

    def labels(self, texts: Sequence[str]) -> list[str | None]:
        """The best label of each text; None where there was no answer."""

    def closed(self, texts: Sequence[str], *, users: int, seconds: float) -> Figures:
        """A closed loop."""

    def poisson(self, texts: Sequence[str], *, rate: float, seconds: float, seed: int) -> Figures:
        """Random arrivals."""


class System(Protocol):
    """One of the compared."""

    @property
    def name(self) -> str:
        """In raw files."""

    @property
    def title(self) -> str:
        """In tables."""

    @property
    def kind(self) -> Kind: ...

    @property
    def precision(self) -> str: ...

    @property
    def remark(self) -> str: ...

    def started(self) -> AbstractContextManager[Started]:
        """Run it, ready to answer.

        Raises:
            Failed: It does not start.
        """


@dataclass(frozen=True, kw_only=True)
class Server:
    """A system that is asked over HTTP."""

    address: load.Address
    bodies: Callable[[Sequence[str]], list[bytes]]
    label: Callable[[Any], str]
    """The best label in an answer's JSON."""
    process: "subprocess.Popen[bytes]"
    _made: dict[tuple[str, ...], list[bytes]] = field(default_factory=dict)

    def pause(self) -> None:
        processes.pause(self.process)

    def resume(self) -> None:
        processes.resume(self.process)

    def labels(self, texts: Sequence[str]) -> list[str | None]:
        answers = load.ask_each(self.address, self._requests(texts))
        return [self.label(json.loads(body)) if status == load.OK else None for status, body in answers]

    def closed(self, texts: Sequence[str], *, users: int, seconds: float) -> Figures:
        requests = self._requests(texts)
        system, client = processes.processor_seconds(self.process), time.process_time()
        seen = load.closed(self.address, requests, users=users, seconds=seconds)
        system, client = processes.processor_seconds(self.process) - system, time.process_time() - client
        return replace(
            Figures.of(seen),
            processor=round(system / seen.answered * 1e6, 1),
            client=round(client / seen.answered * 1e6, 1),
        )

    def poisson(self, texts: Sequence[str], *, rate: float, seconds: float, seed: int) -> Figures:
        requests = self._requests(texts)
        return Figures.of(load.poisson(self.address, requests, rate=rate, seconds=seconds, seed=seed))

    def _requests(self, texts: Sequence[str]) -> list[bytes]:
        made = self._made.get(tuple(texts))
        if made is None:
            made = self._made[tuple(texts)] = [self.address.request(body) for body in self.bodies(texts)]
        return made

    def wait(self) -> None:
        """Until it answers a text.

        Raises:
            Failed: It ended, or never answered.
        """
        request, until = self._requests(["Is anybody there?"]), time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if load.ask_each(self.address, request, users=1)[0][0] == load.OK:
                    return
            except (OSError, TimeoutError):
                pass
            time.sleep(0.2)
        ended = self.process.poll()
        raise Failed(
            "it never answered" if ended is None else f"it ended with status {ended} before it answered"
        )
