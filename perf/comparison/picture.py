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
    """PNG: the 99th percentile of latency by the rate at which texts arrive, of all systems, each as far as it kept up."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for name in samples.of_kind("tritext", "triton", "peer"):
        waits = {rate: samples.median(name, "p99", rate=rate) for rate in samples.loads("rate")}
        met = {rate: wait for rate, wait in waits.items() if wait is not None}
        if met:
            colour = COLOURS[samples.systems[name]["kind"]]
            axes.plot(list(met), list(met.values()), marker="o", ms=4, lw=1.6, color=colour)
            last = list(met.items())[-1]
            axes.annotate(
                f"  {_title(samples, name)}", last, fontsize=7, color=colour, verticalalignment="center"
            )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,.0f}")
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
