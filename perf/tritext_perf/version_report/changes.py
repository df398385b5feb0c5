"""Two versions' answers to the same texts: which changed and in which direction, and what that does to the metrics.

It knows labels and scores; it refuses to know who answered and how the outcome is shown.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tritext.metrics import classification
from tritext_perf.version_report.significance import McNemar

FIXED, BROKEN, STILL_WRONG, CHANGED, SAME = "fixed", "broken", "still wrong", "changed", "same"
DIRECTIONS = (BROKEN, FIXED, STILL_WRONG, CHANGED)
"""What a changed answer can be, the worst news first; `CHANGED` where nobody knows what is right."""

MOST_MOVED = 20


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one version says to a text: its labels (one, or any number), and the scores of all labels by name."""

    labels: tuple[str, ...]
    scores: dict[str, float]

    @property
    def score(self) -> float:
        """How sure it is of its labels: the lowest of their scores; of none at all, that no label fits."""
        if not self.labels:
            return 1 - max(self.scores.values(), default=0.0)
        return min(self.scores[label] for label in self.labels)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A text, what is right (None if nobody knows), and what the two versions said."""

    text: str
    expected: tuple[str, ...] | None
    first: Decision
    second: Decision

    @property
    def direction(self) -> str:
        if set(self.first.labels) == set(self.second.labels):
            return SAME
        if self.expected is None:
            return CHANGED
        if self._is_right(self.first):
            return BROKEN
        return FIXED if self._is_right(self.second) else STILL_WRONG

    @property
    def moved(self) -> float:
        """The most that the score of any label changed."""
        names = self.first.scores.keys() | self.second.scores.keys()
        return max(abs(self.first.scores.get(each, 0) - self.second.scores.get(each, 0)) for each in names)

    def is_right(self, which: str) -> bool:
        return self._is_right(getattr(self, which))

    def _is_right(self, decision: Decision) -> bool:
        return self.expected is not None and set(decision.labels) == set(self.expected)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The whole comparison of `first` with `second`, both as NAME/VERSION."""

    first: str
    second: str
    data: str
    rows: Sequence[Row]
    multi_label: bool

    @property
    def has_labels(self) -> bool:
        return all(row.expected is not None for row in self.rows)

    @cached_property
    def directions(self) -> dict[str, int]:
        """How many rows there are of each direction; all of `DIRECTIONS`, and `SAME`."""
        counts = Counter(row.direction for row in self.rows)
        return {each: counts[each] for each in (*DIRECTIONS, SAME)}

    @property
    def agreement(self) -> float:
        return self.directions[SAME] / len(self.rows)

    @cached_property
    def changed(self) -> list[Row]:
        """The rows whose answer changed: by direction, and among them those that moved most first."""
        found = [row for row in self.rows if row.direction != SAME]
        return sorted(found, key=lambda row: (DIRECTIONS.index(row.direction), -row.moved))

    @cached_property
    def moved(self) -> list[Row]:
        """The rows whose answer is the same and whose scores moved most."""
        same = [row for row in self.rows if row.direction == SAME and row.moved > 0]
        return sorted(same, key=lambda row: -row.moved)[:MOST_MOVED]

    @cached_property
    def test(self) -> McNemar | None:
        """On whole rows: a row of several labels is right if all of them are. None where nobody knows what is right."""
        if not self.has_labels:
            return None
        sides = Counter((row.is_right("first"), row.is_right("second")) for row in self.rows)
        return McNemar(only_first=sides[True, False], only_second=sides[False, True])

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Every label that either version knows or the data name, in the order of the first."""
        known = (*self.rows[0].first.scores, *self.rows[0].second.scores)
        return tuple(dict.fromkeys([*known, *(label for row in self.rows for label in row.expected or ())]))

    @cached_property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Accuracy and F1 of both; empty where nobody knows what is right."""
        if not self.has_labels:
            return {}
        truth = self._indicator([row.expected or () for row in self.rows])
        return {
            which: classification.overall(truth, self._indicator(self._decided(which)))
            for which in ("first", "second")
        }

    @cached_property
    def per_label(self) -> dict[str, list[dict[str, Any]]]:
        """Precision, recall, F1 and support of each label, of both; empty where nobody knows what is right."""
        if not self.has_labels:
            return {}
        truth = self._indicator([row.expected or () for row in self.rows])
        return {
            which: classification.per_label(truth, self._indicator(self._decided(which)), self.labels)
            for which in ("first", "second")
        }

    def _decided(self, which: str) -> list[tuple[str, ...]]:
        return [getattr(row, which).labels for row in self.rows]

    def _indicator(self, given: Sequence[Sequence[str]]) -> classification.Indicator:
        place = {label: index for index, label in enumerate(self.labels)}
        if not self.multi_label:
            return np.array([place[label] for (label,) in given], np.int64)
        found = np.zeros((len(given), len(place)), np.int64)
        for row, names in enumerate(given):
            found[row, [place[name] for name in names]] = 1
        return found

    def as_dict(self) -> dict[str, Any]:
        """One JSON document."""
        test = self.test
        return {
            "first": self.first,
            "second": self.second,
            "data": self.data,
            "rows": len(self.rows),
            "agreement": self.agreement,
            "directions": {key: value for key, value in self.directions.items() if self._can_be(key)},
            "metrics": self.metrics or None,
            "mcnemar": None
            if test is None
            else {
                "only_first_right": test.only_first,
                "only_second_right": test.only_second,
                "p_value": test.p_value,
            },
            "labels": self.per_label or None,
            "changed": [_told(row) for row in self.changed],
            "moved": [_told(row) for row in self.moved],
        }

    def _can_be(self, direction: str) -> bool:
        return direction == SAME or (direction == CHANGED) != self.has_labels


def _told(row: Row) -> dict[str, Any]:
    sides = {
        which: {"labels": list(decision.labels), "score": decision.score}
        for which, decision in (("first", row.first), ("second", row.second))
    }
    expected = {} if row.expected is None else {"expected": list(row.expected)}
    return {"direction": row.direction, "text": row.text, **expected, **sides, "moved": row.moved}
