"""A bench as people read it: each load's throughput and latency, and where the mean latency goes."""

from dataclasses import dataclass
from typing import Any

from tritext_perf.version_report.evidence import Document


@dataclass(frozen=True, kw_only=True)
class Stay:
    """A part of a text's mean latency: waiting for a step, its work, or what is outside of the steps; milliseconds."""

    name: str
    kind: str
    milliseconds: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """One scenario; times in milliseconds, `throughput` in texts a second. `problem` says why there are no figures."""

    name: str
    throughput: float = 0.0
    share: float = 0.0
    mean: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    batch: float | None = None
    errors: int = 0
    spread: float = 0.0
    steady: bool = True
    stays: tuple[Stay, ...] = ()
    problem: str = ""


def loads(bench: Document) -> list[Load]:
    """In the order in which they were measured."""
    scenarios = bench["scenarios"]
    most = max((float(each.get("throughput", 0)) for each in scenarios), default=0.0) or 1.0
    return [_load(each, most) for each in scenarios]


def _load(scenario: dict[str, Any], most: float) -> Load:
    name = _name(scenario["scenario"])
    if "throughput" not in scenario:
        return Load(name=name, problem=str(scenario["reason"]), errors=int(scenario.get("errors") or 0))
    latency = scenario["latency"]
    return Load(
        name=name,
        throughput=float(scenario["throughput"]),
        share=float(scenario["throughput"]) / most,
        mean=float(latency["mean"]),
        p50=float(latency["p50"]),
        p95=float(latency["p95"]),
        p99=float(latency["p99"]),
        batch=scenario.get("average_batch"),
        errors=int(scenario["errors"]),
        spread=float(scenario["spread"]),
        steady=bool(scenario["steady"]),
        stays=tuple(_stays(scenario)),
    )


def _name(scenario: dict[str, Any]) -> str:
    load = f"{scenario['load']:g}"
    if scenario["kind"] == "users":
        return f"{load} user" + ("" if load == "1" else "s")
    return f"{load} texts/s arriving"


def _stays(scenario: dict[str, Any]) -> list[Stay]:
    mean = float(scenario["latency"]["mean"]) or 1.0
    parts = [
        (f"{stage['name']}, {word}", f"{stage['name']}-{kind}", float(stage[kind]))
        for stage in scenario["stages"]
        for kind, word in (("queue", "waiting"), ("compute", "working"))
    ]
    parts.append(("elsewhere", "elsewhere", float(scenario.get("elsewhere") or 0)))
    total = max(mean, sum(time for _, _, time in parts))
    return [Stay(name=name, kind=kind, milliseconds=time, share=time / total) for name, kind, time in parts]
