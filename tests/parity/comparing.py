"""One served answer against the original's: the same labels, spans and order, and how far scores lie apart."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

TOLERANCE = 1e-4
"""What FP32 scores may differ by."""

TIE = 1e-6
"""Scores no further apart than this may change places."""

SAME_DIRECTION = 0.99999
"""The cosine from which two embeddings count as identical."""

EXAMPLES = 5

Scored = tuple[Hashable, float]
"""What is answered, such as a label or a span, with its score."""


class Refused(str):
    """Why an original or the server does not answer."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of one answer, or of each place of a ranking: how many are identical or tied, and the largest difference."""

    places: int = 1
    identical: int = 0
    tied: int = 0
    difference: float = 0.0


@dataclass(kw_only=True)
class Tally:
    """The outcomes of a cell.

    Attributes:
        texts: What was asked, counted once however often it was asked.
        answers: Comparisons made. Each is `identical`, `tied` (only near ties changed places) or wrong.
        refused: Where the original refuses; `refused_by_both` of them the server refuses, too.
        stricter: Where the server refuses on purpose what the original answers in part.
        examples: The first that are wrong.
    """

    texts: int = 0
    answers: int = 0
    identical: int = 0
    tied: int = 0
    largest_difference: float = 0.0
    refused: int = 0
    refused_by_both: int = 0
    stricter: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def add(self, outcome: Outcome, *, asked: Any, served: Any, original: Any) -> None:
        self.answers += outcome.places
        self.identical += outcome.identical
        self.tied += outcome.tied
        # Written so that NaN counts.
        if not outcome.difference <= self.largest_difference:
            self.largest_difference = float(outcome.difference)
        sound = outcome.identical + outcome.tied == outcome.places and outcome.difference <= TOLERANCE
        if not sound and len(self.examples) < EXAMPLES:
            shown = {"asked": asked, "served": served, "original": original}
            self.examples.append({name: f"{value!r:.600}" for name, value in shown.items()})

    def add_refusal(self, served: Any) -> None:
        self.refused += 1
        self.refused_by_both += isinstance(served, Refused)

    @property
    def passed(self) -> bool:
        sound = self.identical + self.tied == self.answers and self.largest_difference <= TOLERANCE
        return self.answers > 0 and sound


def ranked(served: Sequence[Scored], original: Sequence[Scored], count: int | None = None) -> Outcome:
    """Answers by rank; what the original gives beyond `count` is there to know what is tied with the last one."""
    order = _order(served, original, count)
    return Outcome(
        identical="wrong" not in order and "tied" not in order,
        tied="wrong" not in order and "tied" in order,
        difference=_difference(served, original),
    )


def by_place(served: Sequence[Scored], original: Sequence[Scored], count: int | None = None) -> Outcome:
    """As `ranked`, but each place counts by itself."""
    order = _order(served, original, count)
    return Outcome(
        places=len(order),
        identical=order.count("identical"),
        tied=order.count("tied"),
        difference=_difference(served, original),
    )


def in_order(served: Sequence[Scored], original: Sequence[Scored]) -> Outcome:
    """Answers in the order of the text, where no score says who comes first."""
    same = [key for key, _ in served] == [key for key, _ in original]
    pairs = zip(served, original, strict=same)
    return Outcome(identical=same, difference=_largest([one[1] - two[1] for one, two in pairs]))


def vectors(served: Sequence[float], original: Sequence[float]) -> Outcome:
    """Two embeddings, by their direction and by their numbers."""
    mine, theirs = np.asarray(served, np.float64), np.asarray(original, np.float64)
    if mine.shape != theirs.shape:
        return Outcome()
    cosine = mine @ theirs / (np.linalg.norm(mine) * np.linalg.norm(theirs))
    return Outcome(identical=bool(cosine >= SAME_DIRECTION), difference=_largest(mine - theirs))


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """One answer that is made of several."""
    wrong = any(outcome.identical + outcome.tied < outcome.places for outcome in outcomes)
    tied = any(outcome.tied for outcome in outcomes)
    return Outcome(
        identical=not wrong and not tied,
        tied=not wrong and tied,
        difference=max((outcome.difference for outcome in outcomes), default=0.0),
    )


def _order(served: Sequence[Scored], original: Sequence[Scored], count: int | None) -> list[str]:
    """Of each place whether what stands there is identical, tied or wrong; all is wrong where some is missing."""
    expected, scores = original[:count], dict(original)
    if len(served) != len(expected):
        return ["wrong"] * max(1, len(expected))
    return [_place(one, other, scores) for one, other in zip(served, expected, strict=True)]


def _place(served: Scored, original: Scored, scores: dict[Hashable, float]) -> str:
    if served[0] == original[0]:
        return "identical"
    known = scores.get(served[0])
    return "tied" if known is not None and abs(known - original[1]) <= TIE else "wrong"


def _difference(served: Sequence[Scored], original: Sequence[Scored]) -> float:
    """Between the scores of the same answer."""
    known = dict(original)
    return _largest([score - known[key] for key, score in served if key in known])


def _largest(differences: npt.ArrayLike) -> float:
    """NaN if one is."""
    return float(np.abs(np.asarray(differences, np.float64)).max(initial=0))
