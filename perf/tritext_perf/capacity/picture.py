"""The picture of a plan: p99 by rate for each number of servers, with what is wanted. Knows no file."""

import io
from collections.abc import Mapping, Sequence

from matplotlib import colormaps
from matplotlib.figure import Figure

from tritext_perf.capacity.planning import Latency
from tritext_perf.figures import GREY, ORANGE

SIZE = (7.2, 4.4)
"""Inches."""

ABOVE = 3.0
"""The picture ends at so many times the wanted p99."""

Curve = Sequence[tuple[float, Latency]]


def draw(curves: Mapping[int, Curve], *, rate: float, p99: float, title: str) -> bytes:
    """The picture as PNG."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    colours = colormaps["viridis"]
    for number, (servers, curve) in enumerate(curves.items()):
        colour = colours(0.15 + 0.65 * number / max(1, len(curves) - 1))
        label = f"{servers} server{'s' if servers > 1 else ''}"
        axes.plot(
            [at for at, _ in curve], [seen.p99 for _, seen in curve], "-o", ms=3, color=colour, label=label
        )
    axes.axhline(p99, color=ORANGE, ls="--", lw=1, label=f"wanted: {p99:g} ms at most")
    axes.axvline(rate, color=GREY, ls=":", lw=1.2, label=f"wanted: {rate:g} texts/s")
    axes.set(
        title="What servers would do",
        xlabel="texts that arrive in a second, at random",
        ylabel="p99 in milliseconds",
        xlim=(0, None),
        ylim=(0, ABOVE * p99),
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e8eb", lw=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    figure.suptitle(title, fontsize=10, color="#444444", parse_math=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    return image.getvalue()
