"""How the pages write figures. Knows no document."""

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from tritext_perf.evaluation.showing import NAMES

MINUS, DASH, THIN = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NARROW NO-BREAK SPACE}"

TIMES = "\N{MULTIPLICATION SIGN}"

PREFERRED = ("macro_f1", "f1", "spearman", "mrr", "map", "accuracy_at_1", "accuracy")
"""The metric that a page leads with is the first of these that a task has."""

OF_TASK = {"token-classification": "f1"}
"""Tasks that lead with another one."""

LOWER_IS_BETTER = ("mse", "mae")

_KB = 1e3
_LEAST = 0.001
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def main_metric(figures: Mapping[str, Any], task: str) -> str | None:
    """The key of the figure that counts most; None if there is no figure."""
    order = (OF_TASK.get(task), *PREFERRED, *figures)
    return next((key for key in order if key in figures), None)


def metric_name(key: str) -> str:
    return NAMES.get(key, key.replace("_", " "))


def number(value: Any, digits: int = 4) -> str:
    """A figure with so many decimals; whole numbers as they are, what does not exist as a dash."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return DASH
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 4) -> str:
    """A difference, always with its sign."""
    if value is None or not math.isfinite(value):
        return DASH
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", MINUS) if rounded else "\N{PLUS-MINUS SIGN}0"


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}{THIN}%"


def measured(value: float) -> str:
    """Three digits that count, whatever the size: 0.00931, 1.14 times ten to the -5 with its exponent raised."""
    if not math.isfinite(value):
        return DASH
    digits, _, exponent = f"{value:.3g}".partition("e")
    power = f" {TIMES} 10{str(int(exponent)).translate(_RAISED)}" if exponent else ""
    return digits.replace("-", MINUS) + power


def size(count: float) -> str:
    """Bytes, in the unit that leaves the fewest digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _KB or unit == "GB":
            digits = 0 if unit == "B" or count >= 100 else 1  # noqa: PLR2004
            return f"{count:.{digits}f}{THIN}{unit}"
        count /= _KB
    return DASH


def probability(value: float) -> str:
    """With its relation: "= 0.031", or "< 0.001" where more digits would say nothing."""
    return "< 0.001" if value < _LEAST else f"= {value:.3f}"


def moment(iso: str) -> str:
    """An ISO 8601 time in UTC to the minute; what is none, as it is."""
    try:
        found = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return found.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if found.tzinfo else iso


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")
