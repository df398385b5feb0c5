"""Line charts as inline SVG, in the page's own colours, so that they are sharp on every screen and follow light and dark."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 12, 30
_TICKS = 4
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line: its name, its colour (a class of the style sheet) and its points, `None` where there is no figure."""

    name: str
    colour: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """Numbers to places along one axis."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


def lines(
    series: Sequence[Series], *, title: str, marked: float | None = None, from_zero: bool = False
) -> Markup:
    """The chart, or nothing where no series has a point; `marked` is an x to draw a line at."""
    points = [(x, y) for each in series for x, y in each.points if y is not None and math.isfinite(y)]
    if not points:
        return Markup()
    ticks = _ticks([y for _, y in points] + ([0.0] if from_zero else []))
    across, up = (
        _across([x for x, _ in points]),
        _Scale(low=ticks[0], high=ticks[-1], start=HEIGHT - _BOTTOM, end=_TOP),
    )
    parts = [
        *(_grid(up(tick), _label(tick, ticks)) for tick in ticks),
        *(_epoch(across(x)) + f"{x:g}</text>" for x in _whole(x for x, _ in points)),
        *([_mark(across(marked))] if marked is not None else []),
        *(_line(each, across, up) for each in series),
    ]
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - names are escaped where they are put in


def _across(values: Sequence[float]) -> _Scale:
    low, high = min(values), max(values)
    margin = 0.5 if low == high else 0.0
    return _Scale(low=low - margin, high=high + margin, start=_LEFT + 8, end=WIDTH - _RIGHT - 8)


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers around all values."""
    low, high = min(values), max(values)
    raw = (high - low) / _TICKS or abs(high) / _TICKS or 1.0
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(each * size for each in _STEPS if each * size >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        first, last = first - 1, last + 1
    return [round(number * step, 10) for number in range(first, last + 1)]


def _label(tick: float, ticks: Sequence[float]) -> str:
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    finer = any(not math.isclose(round(each, digits), each, abs_tol=1e-9) for each in ticks)
    return f"{tick:.{digits + finer}f}"


def _whole(values: Iterable[float]) -> list[int]:
    """The places that get a number: whole ones, a dozen at most."""
    found = sorted({round(value) for value in values})
    return found[:: math.ceil(len(found) / 12)]


def _grid(y: float, label: str) -> str:
    line = f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
    return f'{line}<text class="tick" x="{_LEFT - 6}" y="{y + 3.5}" text-anchor="end">{label}</text>'


def _epoch(x: float) -> str:
    return f'<text class="tick" x="{x}" y="{HEIGHT - 12}" text-anchor="middle">'


def _mark(x: float) -> str:
    return f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'


def _line(series: Series, across: _Scale, up: _Scale) -> str:
    places = [(across(x), up(y), y) for x, y in series.points if y is not None and math.isfinite(y)]
    path = " ".join(f"{x},{y}" for x, y, _ in places)
    dots = (
        f'<circle cx="{x}" cy="{y}" r="3"><title>{escape(series.name)}: {value:.4g}</title></circle>'
        for x, y, value in places
    )
    return f'<g class="{series.colour}"><polyline points="{path}"/>{"".join(dots)}</g>'
