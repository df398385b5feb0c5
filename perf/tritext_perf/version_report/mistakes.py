"""The false predictions as a reader goes through them: what was taken for what, and the rows themselves."""

from collections import Counter
from dataclasses import dataclass

from tritext_perf.version_report.evidence import FalsePredictions

MOST_SHOWN = 300
"""More rows than this are left to the CSV; the worst come first."""

MOST_CONFUSIONS = 10
_LONG = 60
"""Characters from which values are texts rather than names, unless they come again and again, as long labels do."""

EXPECTED, PREDICTED = "expected", "predicted"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table: its heading, and whether it holds numbers, texts or names."""

    key: str
    kind: str

    @property
    def title(self) -> str:
        return self.key.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """So many rows of one label were given another."""

    expected: str
    predicted: str
    rows: int
    share: float


def columns(found: FalsePredictions) -> list[Column]:
    return [Column(key=key, kind=_kind([row[key] for row in found.rows], key)) for key in found.columns]


def _kind(values: list[str], key: str) -> str:
    if values and all(map(_is_number, values)):
        return "number"
    is_text = key.startswith(("text", "question", "context", "query"))
    is_long = any(len(value) > _LONG for value in values)
    return "text" if is_text or (is_long and 2 * len(set(values)) > len(values)) else "name"


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def has_labels(found: FalsePredictions) -> bool:
    """Whether what was expected and predicted are names, which can be counted and chosen from."""
    kinds = {column.key: column.kind for column in columns(found)}
    return kinds.get(EXPECTED) == kinds.get(PREDICTED) == "name"


def confusions(found: FalsePredictions) -> list[Confusion]:
    """What was most often taken for what; pairs that occur once are no pattern."""
    if not has_labels(found):
        return []
    counts = Counter((row[EXPECTED], row[PREDICTED]) for row in found.rows)
    frequent = [(pair, count) for pair, count in counts.most_common(MOST_CONFUSIONS) if count > 1]
    return [
        Confusion(expected=expected, predicted=predicted, rows=count, share=count / frequent[0][1])
        for (expected, predicted), count in frequent
    ]


def choices(found: FalsePredictions) -> dict[str, list[str]]:
    """The names to choose rows by, those of the shown rows."""
    if not has_labels(found):
        return {}
    shown = found.rows[:MOST_SHOWN]
    return {key: sorted({row[key] for row in shown}) for key in (EXPECTED, PREDICTED)}
