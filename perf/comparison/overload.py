"""What a server does with several times the requests that it can answer: `python -m comparison.overload REPOSITORY MODEL --data FILE`.

Its capacity is what a closed loop of many users gets answered, by the same load generator in the same session. Then come
random arrivals: at a fraction of the capacity, at a multiple of it, at the fraction again.
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
import uvloop

from comparison import load, memory, tritext_system
from comparison.fleet import fleet
from comparison.load import OK, Address, User
from comparison.program import Data, Model, Output, Repository, keep, run, texts_of
from tritext.console import err

SAMPLE = 2_000
"""Texts of the file that are sent, over and over."""

USERS = 64
GENTLE = 0.3
"""The load before and after, as a share of the capacity."""

RAMP_S = 10.0
"""The beginning of the burst, in which the queue fills; it does not count for the goodput."""

BACK_S = 5.0
"""When latencies must be what they were."""

MEMORY_S = 5.0


def main(
    repository: Repository,
    model: Model,
    data: Data,
    times: Annotated[float, typer.Option(help="Requests, as a multiple of the capacity.", min=1)] = 3.0,
    seconds: Annotated[float, typer.Option(help="How long.", min=15)] = 120.0,
    calm: Annotated[float, typer.Option(help="Seconds of the calm before and after.", min=10)] = 15.0,
    joined: Annotated[int, typer.Option(help="Texts of the file that make one text.", min=1)] = 1,
    balancer: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option("--balancer", help="Behind HAProxy, which lets in what the server can hold; as root."),
    ] = False,
    cores: Annotated[
        float | None,
        typer.Option(
            help="With --balancer: the server's, so that load and balancer have the rest, as on other machines."
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Overload a server, and see who is answered, who is refused, and how fast."""
    lines = texts_of(data, SAMPLE)
    texts = [" ".join(lines[at : at + joined]) for at in range(0, len(lines) - joined + 1, joined)]
    with _balanced(repository, model, cores) if balancer else _alone(repository, model) as (address, pid):
        queue = _queue(address, model)
        requests = [address.request(body) for body in tritext_system.bodies(texts)]
        capacity = load.closed(address, requests, users=USERS, seconds=calm, settle=3.0).throughput
        err.print(f"capacity: {capacity:.1f} texts/s with {USERS} users")
        with memory.watched(pid, every=MEMORY_S) as readings:
            before = _offered(address, requests, rate=GENTLE * capacity, seconds=calm)
            during = _offered(address, requests, rate=times * capacity, seconds=seconds)
            after = _offered(address, requests, rate=GENTLE * capacity, seconds=calm)
    report: dict[str, Any] = {
        "model": model,
        "times": times,
        "seconds": seconds,
        "joined": joined,
        "balancer": balancer,
        "cores": cores,
        "capacity": round(capacity, 2),
        "users": USERS,
        "queue": queue,
    }
    report |= {"before": before.figures(), "burst": during.figures(), "after": after.figures(since=BACK_S)}
    report |= {"goodput": during.goodput(RAMP_S, seconds), "megabytes": readings}
    report["goodput_share"] = round(report["goodput"] / capacity, 4)
    err.print_json(data={name: value for name, value in report.items() if name != "megabytes"})
    keep(report, output)


@contextmanager
def _alone(repository: Path, model: str) -> Iterator[tuple[Address, int]]:
    with tritext_system.serving(repository, model) as served:
        yield served.server.address, served.pid


@contextmanager
def _balanced(repository: Path, model: str, cores: float | None) -> Iterator[tuple[Address, int]]:
    with TemporaryDirectory() as folder, fleet(repository, Path(folder), servers=1, cores=cores) as served:
        yield served.address(model), served.members[0].pid


def _queue(address: Address, model: str) -> dict[str, Any]:
    """What may wait before the network, as Triton's configuration has it."""
    with closing(address.connection()) as connection:
        connection.request("GET", f"/v2/models/{model}_model/config")
        batching = json.load(connection.getresponse())["dynamic_batching"]
    return {
        name: batching[name] for name in ("default_queue_policy", "priority_queue_policy") if name in batching
    }


@dataclass(kw_only=True)
class Offered:
    """Requests at random times: for each when it was due, its status, seconds until that was known."""

    outcomes: list[tuple[float, int, float]] = field(default_factory=list)

    def figures(self, *, since: float = 0.0) -> dict[str, Any]:
        """Counts by status and, in milliseconds, how soon each was known, of those due from `since` on."""
        counted = [(status, seconds) for due, status, seconds in self.outcomes if due >= since]
        statuses = Counter(status for status, _ in counted)
        return {
            str(status): {"count": count, **_milliseconds([s for got, s in counted if got == status])}
            for status, count in sorted(statuses.items())
        }

    def goodput(self, begin: float, end: float) -> float:
        """Answers a second, between two moments."""
        moments = [due + seconds for due, status, seconds in self.outcomes if status == OK]
        return round(sum(begin <= moment < end for moment in moments) / (end - begin), 2)


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    points = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {name: round(1000 * float(np.percentile(seconds, point)), 2) for name, point in points.items()}


def _offered(address: Address, requests: Sequence[bytes], *, rate: float, seconds: float) -> Offered:
    return uvloop.run(_arrived(address, requests, rate=rate, seconds=seconds))


async def _arrived(address: Address, requests: Sequence[bytes], *, rate: float, seconds: float) -> Offered:
    """Each request goes out when it is due, over a new connection if all others are in use."""
    offered, free, running = Offered(), list[User](), set[asyncio.Task[None]]()
    begin = time.perf_counter()

    async def ask(due: float, request: bytes) -> None:
        user, status = free.pop() if free else User(address), 0
        with suppress(OSError, asyncio.TimeoutError):
            status, _ = await user.ask(request)
        offered.outcomes.append((due, status, time.perf_counter() - begin - due))
        free.append(user)

    for due, request in zip(load.arrivals(rate, seconds, seed=0), itertools.cycle(requests), strict=False):
        await asyncio.sleep(max(0.0, begin + due - time.perf_counter()))
        task = asyncio.create_task(ask(due, request))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    for user in free:
        user.close()
    return offered


if __name__ == "__main__":
    run(main)
