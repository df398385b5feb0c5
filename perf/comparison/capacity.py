"""Whether `tritext capacity` is right: `python -m comparison.capacity REPOSITORY MODEL --data FILE`, as root.

One server with a share of the processors is benched, and one, two and three of them behind the balancer are simulated from
that. Then they are served for real, and asked: by a closed loop, and by texts that arrive at random.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from comparison import load
from comparison.fleet import HTTP, PLACES, TRITEXT, Fleet, fleet
from comparison.processes import call
from comparison.program import Data, Model, Output, Repository, keep, run, texts_of
from tritext.console import err
from tritext_perf.capacity import evidence, planning
from tritext_perf.capacity.simulation import Chain

SAMPLE = 1_000

USERS = 64
"""For each server."""

SHARES = (0.4, 0.6, 0.8, 0.9)
"""Of what the servers do at most by the simulation, the rates that are tried."""

MS = 1_000


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One load of a fleet: as it was measured, and as it was simulated. Milliseconds; texts a second."""

    servers: int
    load: str
    throughput: float
    simulated_throughput: float
    p50: float
    simulated_p50: float
    p99: float
    simulated_p99: float
    errors: int


def main(
    repository: Repository,
    model: Model,
    data: Data,
    cores: Annotated[float, typer.Option(help="Of each server.")] = 0.4,
    seconds: Annotated[float, typer.Option(help="How long each load.", min=1)] = 12.0,
    p99: Annotated[float, typer.Option(help="Milliseconds: at which rate is it reached?", min=1)] = 300.0,
    output: Output = None,
) -> None:
    """Hold what is simulated against what is measured, with one, two and three servers."""
    bodies = [_body(text) for text in texts_of(data, SAMPLE)]
    found: list[Seen] = []
    report: dict[str, Any] = {"model": model, "cores": cores, "seconds": seconds, "users": USERS, "p99": p99}
    with tempfile.TemporaryDirectory() as folder:
        bench = Path(folder) / "bench"
        with fleet(repository, Path(folder), servers=1, cores=cores) as alone:
            _bench(alone, model, data, seconds, bench)
        chain = evidence.read(bench, cores=cores).chain
        report["steps"] = [asdict(step) for step in chain.steps]
        report["within"] = []
        for servers in range(1, PLACES + 1):
            with fleet(repository, Path(folder), servers=servers, cores=cores) as served:
                new = list(_loads(served, model, bodies, chain, seconds))
            found += new
            report["within"].append(_within(new, chain, servers, p99))
            err.print_json(data=report["within"][-1])
    report["loads"] = [asdict(one) for one in found]
    keep(report, output)


def _body(text: str) -> bytes:
    """A request for all outputs, as perf_analyzer makes it; they come in binary form."""
    text_input = {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": [text]}
    body = {"inputs": [text_input], "parameters": {"binary_data_output": True}}
    return json.dumps(body, ensure_ascii=False).encode()


def _bench(alone: Fleet, model: str, data: Path, seconds: float, folder: Path) -> None:
    """Over HTTP, as the fleets are asked."""
    url = f"http://{alone.members[0].host}:{HTTP}"
    command: list[str | Path] = [TRITEXT, "bench", model, "--data", data, "--url", url, "--output", folder]
    call(
        [*command, *["--users", "1,8,64,200", "--seconds", str(seconds), "--attempts", "1"]],
        folder.with_suffix(".log"),
    )


def _loads(
    served: Fleet, model: str, bodies: Sequence[bytes], chain: Chain, seconds: float
) -> Iterator[Seen]:
    servers = len(served.members)
    address = served.address(model)
    requests = [address.request(body) for body in bodies]
    users = USERS * servers
    load.closed(address, requests, users=users, seconds=seconds / 2)
    closed = load.closed(address, requests, users=users, seconds=seconds, settle=3.0)
    rate, latency = planning.throughput(chain, servers=servers, users=users)
    yield _seen(servers, f"{users} users", closed, rate, latency)
    for share in SHARES:
        wanted = share * servers * chain.most_per_second
        arrived = load.poisson(address, requests, rate=wanted, seconds=seconds, seed=0, settle=3.0)
        simulated = planning.latency(chain, servers=servers, rate=wanted)
        if simulated:
            yield _seen(servers, f"{wanted:.0f}/s", arrived, wanted, simulated)


def _seen(servers: int, name: str, measured: load.Load, rate: float, simulated: planning.Latency) -> Seen:
    p50, p99 = np.percentile(measured.latencies, (50, 99))
    seen = Seen(
        servers=servers,
        load=name,
        throughput=round(measured.throughput, 1),
        simulated_throughput=round(rate, 1),
        p50=round(MS * float(p50), 1),
        simulated_p50=round(simulated.p50, 1),
        p99=round(MS * float(p99), 1),
        simulated_p99=round(simulated.p99, 1),
        errors=measured.errors,
    )
    err.print_json(data=asdict(seen))
    return seen


def _within(seen: Sequence[Seen], chain: Chain, servers: int, p99: float) -> dict[str, float | None]:
    """The rate at which p99 is reached: between two rates of the measurement, and by the simulation."""
    rates = [one for one in seen if one.load.endswith("/s")]
    measured = None
    if rates[0].p99 <= p99 <= rates[-1].p99:
        rising = np.maximum.accumulate([one.p99 for one in rates])
        measured = round(float(np.interp(p99, rising, [one.simulated_throughput for one in rates])), 1)
    simulated = round(planning.within(chain, servers=servers, p99=p99), 1)
    return {"servers": servers, "measured": measured, "simulated": simulated}


if __name__ == "__main__":
    run(main)
