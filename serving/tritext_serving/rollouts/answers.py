"""How two answers differ, whatever the task: in words and whole numbers (what is said), and in figures (how surely)."""

import json
from dataclasses import dataclass
from typing import Any

SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Between two answers: the first that differs in what is said, as a phrase; the largest difference of figures."""

    words: str = ""
    figures: float = 0.0


def compare(new: Any, old: Any) -> Difference:
    """Lists and objects part by part; figures only where the rest is the same."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return _worst([compare(new[key], old[key]) for key in old])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return _worst([compare(one, other) for one, other in zip(new, old, strict=True)])
    if _is_number(old) and _is_number(new) and (isinstance(old, float) or isinstance(new, float)):
        return Difference(figures=abs(new - old))
    return Difference() if new == old else Difference(words=f"{_short(new)} instead of {_short(old)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _worst(found: list[Difference]) -> Difference:
    return Difference(
        words=next((each.words for each in found if each.words), ""),
        figures=max((each.figures for each in found), default=0.0),
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
