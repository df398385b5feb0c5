"""From a benchmark's folder to a plan: which numbers of servers were considered, how far to believe it, and its files."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tritext_perf import report
from tritext_perf.capacity import evidence, picture, planning
from tritext_perf.capacity.evidence import Evidence
from tritext_perf.capacity.planning import MOST_SERVERS, Choice, Latency
from tritext_perf.errors import BadSetting, OutputInUse, PerfError
from tritext_perf.scenario import MOST_PER_SECOND

JSON, PNG = "capacity.json", "capacity.png"

LONE = 0.01
"""Of what a server does at most: so seldom do texts meet each other."""


class OutOfReach(PerfError):
    """No number of servers keeps the p99."""

    def __init__(self, *, p99: float, alone: float) -> None:
        super().__init__(
            f"No number of servers keeps a p99 of {p99:g} ms: texts that meet no others have {alone:.0f} ms already. "
            "Allow more, or make the model faster: a lower --precision, fewer layers, shorter texts."
        )


class TooMany(PerfError):
    """It would take more servers than are considered."""

    def __init__(self, *, rate: float) -> None:
        super().__init__(f"{rate:g} texts/s would take more than {MOST_SERVERS:,} such servers.")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One load of the benchmark on one server: as it was measured, and as the simulation has it."""

    load: str
    measured: float
    predicted: float
    """Texts a second; at a rate, that rate."""
    measured_latency: Latency
    predicted_latency: Latency | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was asked, and what follows."""

    rate: float
    p99: float
    servers: int
    """How many it takes."""
    choices: Sequence[Choice]
    """One less, as many, and one more."""
    checks: Sequence[Check]
    evidence: Evidence

    def as_dict(self) -> dict[str, Any]:
        """One JSON document; times in milliseconds, throughput in texts per second."""
        return {
            "rate": self.rate,
            "p99": self.p99,
            "servers": self.servers,
            "choices": [one.as_dict() for one in self.choices],
            "checks": [asdict(one) for one in self.checks],
            "cores": self.evidence.chain.cores,
            "steps": [asdict(step) for step in self.evidence.chain.steps],
            "model": self.evidence.model,
            "machine": self.evidence.machine,
            "measured": self.evidence.date,
        }


def make(
    path: Path, *, rate: float, p99: float, tell: Callable[[str], None], cores: float | None = None
) -> Plan:
    """How many servers such as the measured one keep that p99, in milliseconds, at that rate of texts a second.

    Raises:
        PerfError: The benchmark does not tell, or no number of servers does it.
    """
    if not 0 < rate <= MOST_PER_SECOND:
        raise BadSetting(
            option="--rate", got=rate, expected=f"a number above 0 and up to {MOST_PER_SECOND:,.0f}"
        )
    known = evidence.read(path, cores=cores)
    alone = planning.latency(known.chain, servers=1, rate=LONE * known.chain.most_per_second)
    if alone is None or alone.p99 > p99:
        raise OutOfReach(p99=p99, alone=alone.p99 if alone else 0.0)
    tell("finding the fewest servers")
    servers = planning.fewest(known.chain, rate=rate, p99=p99)
    if servers is None:
        raise TooMany(rate=rate)
    choices = []
    for number in range(max(1, servers - 1), servers + 2):
        tell(f"simulating {number} servers" if number > 1 else "simulating 1 server")
        choices.append(planning.choice(known.chain, servers=number, rate=rate, p99=p99))
    tell("simulating the benchmark's own loads")
    checks = [_check(known, load) for load in known.loads]
    return Plan(rate=rate, p99=p99, servers=servers, choices=choices, checks=checks, evidence=known)


def _check(known: Evidence, load: Mapping[str, Any]) -> Check:
    scenario, measured = load["scenario"], load["latency"]
    predicted: Latency | None
    if scenario["kind"] == "users":
        throughput, predicted = planning.throughput(known.chain, servers=1, users=int(scenario["load"]))
        name = f"{scenario['load']:g} users" if scenario["load"] > 1 else "1 user"
    else:
        throughput = float(scenario["load"])
        predicted = planning.latency(known.chain, servers=1, rate=throughput)
        name = f"{scenario['load']:g}/s"
    return Check(
        load=name,
        measured=float(load["throughput"]),
        predicted=throughput,
        measured_latency=Latency(p50=measured["p50"], p99=measured["p99"]),
        predicted_latency=predicted,
    )


def write(plan: Plan, folder: Path, tell: Callable[[str], None]) -> None:
    """Write the document and the picture.

    Raises:
        OutputInUse: They cannot be written.
    """
    tell("drawing")
    chain = plan.evidence.chain
    curves = {one.servers: planning.curve(chain, servers=one.servers) for one in plan.choices}
    title = report.title(model=plan.evidence.model, machine=plan.evidence.machine, date=plan.evidence.date)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(plan.as_dict(), ensure_ascii=False, indent=2)
        (folder / JSON).write_text(f"{text}\n", encoding="utf-8")
        (folder / PNG).write_bytes(picture.draw(curves, rate=plan.rate, p99=plan.p99, title=title))
    except OSError as error:
        raise OutputInUse(path=folder, reason=(error.strerror or str(error)).lower()) from error
