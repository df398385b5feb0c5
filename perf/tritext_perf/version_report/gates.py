"""The gates of a build as a reader weighs them: what was measured, and how much of what is allowed that used up."""

import math
from dataclasses import dataclass
from typing import Any

from tritext_perf.version_report import figures
from tritext_perf.version_report.evidence import Document


@dataclass(frozen=True, kw_only=True)
class GateRow:
    """One gate.

    Attributes:
        used: The share of the allowed departure that was measured, at most 1.
    """

    name: str
    what: str
    value: float
    measured: str
    limit: str
    texts: int
    passed: bool
    used: float


@dataclass(frozen=True, kw_only=True)
class TriedRow:
    """A precision that was a candidate: `speed` in rows a second, its share of the fastest; or why it was none."""

    precision: str
    recipe: str
    speed: float
    share: float
    failure: str
    chosen: bool


def gate_rows(manifest: Document) -> list[GateRow]:
    return [_row(gate) for gate in manifest["gates"]]


def _row(gate: dict[str, Any]) -> GateRow:
    measured, limit, at_least = float(gate["measured"]), float(gate["limit"]), bool(gate["at_least"])
    passed = measured >= limit if at_least else measured <= limit
    return GateRow(
        name=str(gate["name"]),
        what=str(gate["what"]),
        value=measured,
        measured=figures.measured(measured),
        limit=f"{'≥' if at_least else '≤'} {figures.measured(limit)}",
        texts=int(gate["texts"]),
        passed=passed,
        used=_used(measured, limit, at_least=at_least),
    )


def _used(measured: float, limit: float, *, at_least: bool) -> float:
    departed, allowed = (1 - measured, 1 - limit) if at_least else (measured, limit)
    if math.isnan(departed):
        return 1.0
    if allowed <= 0:
        return float(departed > allowed)
    return min(1.0, max(0.0, departed / allowed))


def tried_rows(manifest: Document) -> list[TriedRow]:
    """The precisions between which `--precision auto` chose; none where one was asked for."""
    tried = manifest.get("tried") or []
    fastest = max((float(each["rows_per_second"]) for each in tried), default=0.0) or 1.0
    return [
        TriedRow(
            precision=str(each["precision"]),
            recipe=str(each["recipe"]),
            speed=float(each["rows_per_second"]),
            share=float(each["rows_per_second"]) / fastest,
            failure=str(each["failure"]),
            chosen=each["precision"] == manifest["precision"],
        )
        for each in tried
    ]
