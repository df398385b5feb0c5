"""The picture of a search: every setting by its throughput and its p99, the front of those that nothing beats, and the winner."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from tritext_perf.figures import BLUE, GREY, ORANGE
from tritext_perf.tuning.trial import Setting, Standing

SIZE = (7.2, 4.8)
"""Inches."""


def draw(
    standings: Sequence[Standing], *, chosen: Setting | None, default: Setting, title: str
) -> bytes | None:
    """The picture as PNG; None where nothing was measured."""
    if not standings:
        return None
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    best = front(standings)
    axes.plot(*_places(best), "-", color=BLUE, lw=1.2, alpha=0.6, label="nothing is better in both")
    axes.scatter(*_places(standings), s=28, color=GREY, zorder=3)
    axes.scatter(*_places(best), s=28, color=BLUE, zorder=4)
    for one in standings:
        _mark(axes, one, chosen=chosen, default=default)
    for one in standings:
        if one in best or one.setting in (default, chosen):
            _name(axes, one)
    _limit(axes, standings[0].objective.p99)
    objective = standings[0].objective
    axes.set(
        title=f"Settings at {objective.scenario}", xlabel="texts per second", ylabel="p99 in milliseconds"
    )
    axes.set_ylim(0, None)
    axes.margins(x=0.16)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e8eb", lw=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10, color="#444444", parse_math=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    return image.getvalue()


def front(standings: Sequence[Standing]) -> list[Standing]:
    """Those than which no other has both more throughput and a lower p99, by rising throughput."""
    found: list[Standing] = []
    for one in sorted(standings, key=lambda one: (-one.throughput, one.p99)):
        if not found or one.p99 < found[-1].p99:
            found.append(one)
    return found[::-1]


def _places(standings: Sequence[Standing]) -> tuple[list[float], list[float]]:
    return [one.throughput for one in standings], [one.p99 for one in standings]


def _mark(axes: Any, one: Standing, *, chosen: Setting | None, default: Setting) -> None:
    place = (one.throughput, one.p99)
    if len(one.measured) > 1:
        low, high = min(m.latency.p99 for m in one.measured), max(m.latency.p99 for m in one.measured)
        left, right = min(m.throughput for m in one.measured), max(m.throughput for m in one.measured)
        axes.plot([left, right], [place[1]] * 2, color=GREY, lw=0.8)
        axes.plot([place[0]] * 2, [low, high], color=GREY, lw=0.8)
    if one.setting == default:
        axes.scatter(*place, s=90, facecolors="none", edgecolors="#444444", zorder=5, label="default")
    if one.setting == chosen:
        axes.scatter(*place, s=160, facecolors="none", edgecolors=ORANGE, lw=1.8, zorder=5, label="chosen")


def _name(axes: Any, one: Standing) -> None:
    """Towards the middle, where there is room."""
    left, right = axes.get_xlim()
    side = "right" if one.throughput > (left + right) / 2 else "left"
    offset = (-8 if side == "right" else 8, 6)
    axes.annotate(
        str(one.setting),
        (one.throughput, one.p99),
        offset,
        textcoords="offset points",
        ha=side,
        fontsize=7,
        parse_math=False,
    )


def _limit(axes: Any, p99: float | None) -> None:
    if p99 is not None:
        axes.axhline(p99, color=ORANGE, ls="--", lw=1, label=f"wanted: {p99:g} ms at most")
