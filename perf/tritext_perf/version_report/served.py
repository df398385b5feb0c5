"""The evaluation through the server beside that of the checkpoint: over all rows, and label by label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tritext_perf.version_report import figures
from tritext_perf.version_report.evidence import Document, Evidence

_LABELS = "labels"


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One metric; `worse` says that the second figure is worse than the first."""

    name: str
    one: str
    other: str
    difference: str
    worse: bool
    better: bool


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """One label's figures, and by how much its F1 departs from that of the checkpoint where that is known."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    difference: float | None


def metric_rows(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> list[MetricRow]:
    """The metrics of one, those of the other beside, and other minus one."""
    keys = [key for key, value in one.items() if isinstance(value, int | float)]
    return [_metric_row(key, one[key], (other or {}).get(key)) for key in keys]


def _metric_row(key: str, one: float, other: float | None) -> MetricRow:
    difference = None if other is None or isinstance(one, int) else other - one
    sign = -1 if key in figures.LOWER_IS_BETTER else 1
    gain = round((difference or 0) * sign, 4)
    return MetricRow(
        name=figures.metric_name(key),
        one=figures.number(one),
        other=figures.number(other),
        difference=figures.signed(difference),
        worse=gain < 0,
        better=gain > 0,
    )


def overall_rows(evaluation: Document) -> list[MetricRow]:
    """The checkpoint first, where it was asked, so that the difference is what serving changed."""
    if "checkpoint" in evaluation:
        return metric_rows(evaluation["checkpoint"], evaluation["served"])
    return metric_rows(evaluation["served"], None)


def label_rows(evidence: Evidence) -> tuple[list[LabelRow], str]:
    """The labels, the worst first, and whose figures they are: the server's, else training's on its test rows."""
    evaluation = evidence.evaluation or {}
    if served := evaluation.get("served", {}).get(_LABELS):
        checkpoint = evaluation.get("checkpoint", {}).get(_LABELS) or []
        return _label_rows(served, {row["label"]: row["f1"] for row in checkpoint}), "as served"
    tested = (evidence.training or {}).get("per_label") or []
    return _label_rows(tested, {}), "on the test rows of training"


def _label_rows(rows: list[dict[str, Any]], beside: Mapping[str, float]) -> list[LabelRow]:
    found = [
        LabelRow(
            label=str(row["label"]),
            precision=float(row["precision"]),
            recall=float(row["recall"]),
            f1=float(row["f1"]),
            support=int(row["support"]),
            difference=float(row["f1"]) - beside[row["label"]] if row["label"] in beside else None,
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: row.f1)


def agreement(evaluation: Document) -> str:
    """How far the two gave the same answers, as a sentence; empty where only one was asked."""
    found = evaluation.get("agreement") or {}
    shares = [
        f"{figures.percent(value, 2)} of the {key.replace('_', ' ')} are the same"
        for key, value in found.items()
        if key != "largest_difference"
    ]
    if "largest_difference" in found:
        shares.append(f"no score differs by more than {figures.measured(found['largest_difference'])}")
    return f"Served beside the checkpoint, {' and '.join(shares)}." if shares else ""
