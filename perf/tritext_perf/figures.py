"""The picture of a benchmark: what it shows depends on which scenarios there are. Knows no file and no server."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure

from tritext_perf.measurement import Measurement, Outcome, measurements

BLUE, ORANGE, GREY = "#1f5fa8", "#d9711c", "#9aa3ad"
PERCENTILES = (("p50", BLUE, "-"), ("p95", ORANGE, "-"), ("p99", ORANGE, ":"))
STAGES = ("#7fb2d9", "#1f5fa8", "#12395f", "#5c8a3a", "#b7950b", "#76448a")
WIDTH, HEIGHT = 4.6, 3.7
"""Of a panel, in inches."""
MOST_IN_ROW = 4

Panel = Callable[[Any, Sequence[Measurement]], None]


def bench(outcomes: Sequence[Outcome], *, title: str) -> bytes | None:
    """The picture as PNG, one panel per question that the scenarios answer; None where nothing was measured."""
    panels = _panels(measurements(outcomes, "users"), measurements(outcomes, "rate"))
    if not panels:
        return None
    rows = len(panels) // MOST_IN_ROW + 1
    columns = -(-len(panels) // rows)
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes, (draw, measured) in zip(places, panels, strict=True):
        draw(axes, measured)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.grid(axis="y", color="#e6e8eb", lw=0.8)
    figure.suptitle(title, fontsize=10, color="#444444", parse_math=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    return image.getvalue()


def _panels(
    users: Sequence[Measurement], rates: Sequence[Measurement]
) -> list[tuple[Panel, Sequence[Measurement]]]:
    panels: list[tuple[Panel, Sequence[Measurement]]] = []
    if users:
        panels += [(_throughput, users), (_latency_by_users, users)]
    if rates:
        panels.append((_latency_by_throughput, rates))
    staged = [one for one in (*users, *rates) if one.stages]
    if staged:
        panels.append((_stages, staged))
    return panels


def _throughput(axes: Any, measured: Sequence[Measurement]) -> None:
    places = range(len(measured))
    axes.bar(places, [one.throughput for one in measured], color=BLUE, width=0.6)
    for place, one in zip(places, measured, strict=True):
        axes.annotate(
            f"{one.throughput:.0f}",
            (place, one.throughput),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    _name(axes, measured)
    axes.set(title="Throughput", xlabel="users at once", ylabel="texts per second", ylim=(0, None))


def _latency_by_users(axes: Any, measured: Sequence[Measurement]) -> None:
    _percentiles(axes, measured, range(len(measured)))
    _name(axes, measured)
    axes.set(title="Latency", xlabel="users at once", ylabel="milliseconds")


def _latency_by_throughput(axes: Any, measured: Sequence[Measurement]) -> None:
    _percentiles(axes, measured, [one.throughput for one in measured])
    axes.set(
        title="Latency at random arrivals",
        xlabel="texts answered per second",
        ylabel="milliseconds",
        xlim=(0, None),
    )


def _percentiles(axes: Any, measured: Sequence[Measurement], places: Sequence[float]) -> None:
    for name, colour, style in PERCENTILES:
        heights = [getattr(one.latency, name) for one in measured]
        axes.plot(places, heights, style, color=colour, marker="o", ms=4, lw=1.6, label=name)
    highest = max(one.latency.p99 for one in measured)
    lowest = min(one.latency.p50 for one in measured)
    if highest > 20 * lowest:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.set_ylim(0, None)
    axes.legend(frameon=False, fontsize=8)


def _stages(axes: Any, measured: Sequence[Measurement]) -> None:
    """Shares of the mean latency: waiting in the steps' queues, each step's work, and the rest."""
    places = range(len(measured))
    floors = [0.0] * len(measured)
    for name, colour, heights in _layers(measured):
        shares = [
            100 * height / max(one.latency.mean, _total(one))
            for height, one in zip(heights, measured, strict=True)
        ]
        axes.bar(places, shares, bottom=floors, color=colour, width=0.6, label=name)
        floors = [floor + share for floor, share in zip(floors, shares, strict=True)]
    _name(axes, measured, units=len({one.scenario.kind for one in measured}) > 1)
    axes.set(title="Where the time goes", ylabel="% of the mean latency", ylim=(0, 100))
    if len({one.scenario.kind for one in measured}) == 1:
        axes.set_xlabel("users at once" if measured[0].scenario.kind == "users" else "texts sent per second")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5)
    )


def _layers(measured: Sequence[Measurement]) -> list[tuple[str, str, list[float]]]:
    names = list(dict.fromkeys(stage.name for one in measured for stage in one.stages))
    layers = [("queues", "#d9dee4", [sum(stage.queue for stage in one.stages) for one in measured])]
    for number, name in enumerate(names):
        work = [sum(stage.compute for stage in one.stages if stage.name == name) for one in measured]
        layers.append((name, STAGES[number % len(STAGES)], work))
    return [*layers, ("elsewhere", GREY, [one.elsewhere for one in measured])]


def _total(one: Measurement) -> float:
    return one.elsewhere + sum(stage.queue + stage.compute for stage in one.stages)


def _name(axes: Any, measured: Sequence[Measurement], *, units: bool = False) -> None:
    names = [
        f"{one.scenario.load:g}" + ("/s" if units and one.scenario.kind == "rate" else "") for one in measured
    ]
    axes.set_xticks(range(len(measured)), names)
