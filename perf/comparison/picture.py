"""The pictures of the page: what each system does under load, and how long texts wait when they arrive at random."""

import io
from typing import Any

from matplotlib.figure import Figure

from comparison.parts import BUSY
from comparison.samples import Samples

COLOURS = {"tritext": "#1f5fa8", "triton": "#7fb2d9", "peer": "#d9711c", "ceiling": "#c3c8ce"}
NAMES = {
    "tritext": "Tritext",
    "triton": "Triton, as tutorials use it",
    "peer": "other servers",
    "ceiling": "offline, no server",
}
MOST_LINES = 8


def throughput(samples: Samples) -> bytes:
    """PNG: texts per second of every system under load, the fastest at the top."""
    mix = next(iter(samples.mixes))
    rates = {
        name: samples.median(name, mix=mix, users=BUSY) or 0.0
        for name in samples.of_kind("tritext", "triton", "peer", "ceiling")
    }
    names = sorted(rates, key=rates.__getitem__)
    figure = Figure(figsize=(9, 0.6 + 0.28 * len(names)), layout="constrained")
    axes = figure.subplots()
    colours = [COLOURS[samples.systems[name]["kind"]] for name in names]
    bars = axes.barh(range(len(names)), [rates[name] for name in names], color=colours, height=0.7)
    axes.bar_label(bars, fmt="{:.0f}", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), [_title(samples, name) for name in names], fontsize=8)
    axes.set(xlabel=f"texts per second, {BUSY} users", title=f"{samples.document['checkpoint']} on {mix}")
    for kind, colour in COLOURS.items():
        axes.barh(0, 0, color=colour, label=NAMES[kind])
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    _plain(axes)
    return _png(figure)


def arrivals(samples: Samples) -> bytes:
    """PNG: the 99th percentile of latency by the rate at which texts arrive; peers that keep up longest, and ours."""
    rates = samples.loads("rate")
    names = samples.of_kind("tritext", "triton", "peer")
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    best = sorted(names, key=lambda name: samples.median(name, "p99", rate=rates[-1]) or float("inf"))
    for name in best[:MOST_LINES]:
        waits = [samples.median(name, "p99", rate=rate) or float("nan") for rate in rates]
        colour = COLOURS[samples.systems[name]["kind"]]
        axes.plot(rates, waits, marker="o", ms=4, lw=1.6, color=colour)
        axes.annotate(_title(samples, name), (rates[-1], waits[-1]), fontsize=7)
    axes.set_yscale("log")
    axes.set(xlabel="texts per second, arriving at random", ylabel="99th percentile of latency, milliseconds")
    _plain(axes)
    return _png(figure)


def _title(samples: Samples, name: str) -> str:
    facts = samples.systems[name]
    title, precision = str(facts["title"]), str(facts["precision"])
    return title if title.endswith(precision) else f"{title} · {precision}"


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(color="#e6e8eb", lw=0.8)


def _png(figure: Figure) -> bytes:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=130)
    return image.getvalue()
