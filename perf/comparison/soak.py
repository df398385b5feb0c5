"""A server for half an hour at most of what it can do: `python -m comparison.soak REPOSITORY MODEL --data FILE`.

Texts of mixed lengths arrive at random, at a share of what a closed loop of many users gets answered.
"""

from itertools import islice
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import track

from comparison import load, tritext_system
from comparison.endurance import SAMPLE, USERS, mixed
from comparison.load import Load
from comparison.memory import megabytes
from comparison.program import Data, Model, Output, Repository, keep, run, texts_of
from tritext.console import err

MINUTE_S = 60.0
MS = 1_000

DIFFERENT = 20_000
"""Texts that are sent, over and over."""

CALIBRATION_S = 30.0


def main(
    repository: Repository,
    model: Model,
    data: Data,
    minutes: Annotated[int, typer.Option(help="How long.", min=2)] = 30,
    share: Annotated[float, typer.Option(help="Of the capacity.", min=0.01, max=1)] = 0.8,
    output: Output = None,
) -> None:
    """Load a server for long, and read its memory, its latencies and its errors every minute."""
    texts = list(islice(mixed(texts_of(data, SAMPLE)), DIFFERENT))
    with tritext_system.serving(repository, model) as served:
        address = served.server.address
        requests = [address.request(body) for body in tritext_system.bodies(texts)]
        capacity = load.closed(address, requests, users=USERS, seconds=CALIBRATION_S, settle=5.0).throughput
        found = [_minute(Load(seconds=0.0), served.pid)]
        for number in track(range(minutes), f"{share:.0%} of {capacity:.0f} texts/s", console=err):
            turned = requests[number * DIFFERENT // minutes :] + requests[: number * DIFFERENT // minutes]
            seen = load.poisson(
                address, turned, rate=share * capacity, seconds=MINUTE_S, seed=number, settle=0.0
            )
            found.append(_minute(seen, served.pid))
    first, last = found[1]["megabytes"]["all"], found[-1]["megabytes"]["all"]
    report = {"model": model, "capacity": round(capacity, 1), "share": share, "minutes": minutes}
    report |= {
        "growth": round(last / first - 1, 5),
        "growth_of_last_half": round(last / found[len(found) // 2]["megabytes"]["all"] - 1, 5),
        "answered": sum(one["answered"] for one in found),
        "errors": sum(one["errors"] for one in found),
        "each_minute": found,
    }
    err.print(f"{first:.0f} MB after a minute, {last:.0f} at the end; {report['errors']} errors")
    keep(report, output)


def _minute(seen: Load, pid: int) -> dict[str, Any]:
    found: dict[str, Any] = {"answered": len(seen.latencies), "errors": seen.errors}
    if seen.latencies:
        p50, p99 = np.percentile(seen.latencies, (50, 99))
        found |= {"p50": round(MS * float(p50), 1), "p99": round(MS * float(p99), 1)}
    return {**found, "megabytes": megabytes(pid)}


if __name__ == "__main__":
    run(main)
