"""What decides whether a version goes out: the state of its gates, and the few figures one asks for first."""

from dataclasses import dataclass
from typing import Any, Literal

from tritext_perf.card import milliseconds
from tritext_perf.version_report import figures
from tritext_perf.version_report.evidence import Evidence
from tritext_perf.version_report.gates import gate_rows
from tritext_perf.version_report.latency import Load, loads

State = Literal["passed", "failed", "none"]


@dataclass(frozen=True, kw_only=True)
class Badge:
    state: State
    text: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure with what it is, and a remark below."""

    value: str
    caption: str
    remark: str = ""

    @property
    def known(self) -> bool:
        return self.value != figures.DASH


def badge(evidence: Evidence) -> Badge:
    """Whether the gates that stand before publishing held."""
    if evidence.manifest is None:
        return Badge(state="none", text="not built")
    rows = gate_rows(evidence.manifest)
    failed = sum(not row.passed for row in rows)
    if failed:
        return Badge(state="failed", text=f"{failed} of {figures.plural(len(rows), 'gate')} failed")
    return Badge(state="passed", text=f"{figures.plural(len(rows), 'gate')} passed")


def tiles(evidence: Evidence) -> list[Tile]:
    """Score, what the precision changed of it, size, throughput and p99; a dash where a figure is not known."""
    return [_score(evidence), _change(evidence), _size(evidence), *_speed(evidence)]


def _score(evidence: Evidence) -> Tile:
    if evidence.evaluation is not None:
        served = evidence.evaluation["served"]
        key = figures.main_metric(served, evidence.task)
        rows = evidence.evaluation.get("rows")
        remark = f"on {figures.number(rows)} held-out rows" if rows else ""
        return Tile(**_metric(served, key), remark=f"served, {remark}".rstrip(", "))
    if evidence.training is not None:
        tested = evidence.training["metrics"].get("test", {})
        key = figures.main_metric(tested, evidence.task)
        return Tile(**_metric(tested, key), remark="test rows, before it was built")
    return Tile(value=figures.DASH, caption="score", remark="not measured")


def _metric(found: Any, key: str | None) -> dict[str, str]:
    if key is None:
        return {"value": figures.DASH, "caption": "score"}
    return {"value": figures.number(found[key], 3), "caption": figures.metric_name(key)}


def _change(evidence: Evidence) -> Tile:
    precision = str(evidence.manifest["precision"]) if evidence.manifest else "serving"
    caption = f"change by {precision}"
    evaluation = evidence.evaluation or {}
    if "checkpoint" in evaluation:
        served, checkpoint = evaluation["served"], evaluation["checkpoint"]
        key = figures.main_metric(served, evidence.task)
        if key is not None:
            remark = f"served, against the checkpoint's {figures.number(checkpoint[key], 4)}"
            return Tile(value=figures.signed(served[key] - checkpoint[key]), caption=caption, remark=remark)
    gates = gate_rows(evidence.manifest) if evidence.manifest else []
    for row in gates:
        if row.name == "evaluation":
            return Tile(value=figures.signed(-row.value), caption=caption, remark="in the build's gate")
    return Tile(value=figures.DASH, caption=caption, remark="not compared with the checkpoint")


def _size(evidence: Evidence) -> Tile:
    if evidence.manifest is not None:
        name, form = evidence.manifest["name"], evidence.manifest.get("format", "")
        files = evidence.manifest["files"].items()
        network = sum(facts["bytes"] for path, facts in files if path.startswith(f"{name}_model/"))
        remark = f"{evidence.manifest['precision']}, {form}".rstrip(", ")
        return Tile(value=figures.size(network), caption="network on disk", remark=remark)
    model = (evidence.training or {}).get("model", {})
    if "bytes" in model:
        return Tile(value=figures.size(model["bytes"]), caption="checkpoint on disk", remark="not built yet")
    return Tile(value=figures.DASH, caption="network on disk")


def _speed(evidence: Evidence) -> list[Tile]:
    measured = [load for load in loads(evidence.bench) if not load.problem] if evidence.bench else []
    if not measured:
        return [
            Tile(value=figures.DASH, caption="texts a second", remark="not measured"),
            Tile(value=figures.DASH, caption="p99 latency", remark="not measured"),
        ]
    best = max(measured, key=lambda load: load.throughput)
    return [
        Tile(value=f"{best.throughput:,.0f}", caption="texts a second", remark=f"with {best.name}"),
        Tile(value=_ms(best), caption="p99 latency", remark=_at_ease(best, measured)),
    ]


def _at_ease(best: Load, measured: list[Load]) -> str:
    first = measured[0]
    return f"with {best.name}" + (f"; {_ms(first)} with {first.name}" if first is not best else "")


def _ms(load: Load) -> str:
    return f"{milliseconds(load.p99)}{figures.THIN}ms"
