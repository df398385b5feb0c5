"""How good tagged entities are: an entity counts as found if its type, first token and last token are all right.

The figures are those of seqeval in its default mode (https://github.com/chakki-works/seqeval), the reading of tags that
of CoNLL's script conlleval: tags may miss their B-, and IOB1, IOB2, IOE and IOBES are understood alike. Knows tags, no
texts and no model.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

OUTSIDE = "O"

Tags = Sequence[Sequence[str]]
"""The tags of the tokens of each text."""


@dataclass(frozen=True, kw_only=True)
class Entity:
    """Tokens `first` up to `end`, the last not included."""

    type: str
    first: int
    end: int


def overall(expected: Tags, given: Tags) -> dict[str, float]:
    """Precision, recall and F1 over all entities (micro averages), macro-F1 over types, and accuracy over tokens.

    Each is from 0 to 1, and 0 where nothing is to be divided by.

    Raises:
        ValueError: A text has another number of tags in `expected` than in `given`.
    """
    right, found, there = _counts(expected, given)
    types = per_type(expected, given)
    pairs = [pair for row in zip(expected, given, strict=True) for pair in zip(*row, strict=True)]
    return {
        **_figures(right.total(), found.total(), there.total()),
        "macro_f1": _ratio(sum(each["f1"] for each in types), len(types)),
        "accuracy": _ratio(sum(one == other for one, other in pairs), len(pairs)),
    }


def per_type(expected: Tags, given: Tags) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support (true entities) of each type of entity that occurs, by alphabet."""
    right, found, there = _counts(expected, given)
    return [
        {"label": name, **_figures(right[name], found[name], there[name]), "support": there[name]}
        for name in sorted({*found, *there})
    ]


def entities(tags: Sequence[str]) -> Iterator[Entity]:
    """The entities that the tags of one text's tokens stand for, in their order.

    A tag without a hyphen is a type by itself, inside of an entity.
    """
    before, first = (OUTSIDE, ""), 0
    for place, tag in enumerate(chain(tags, (OUTSIDE,))):
        now = _parts(tag)
        if before[0] != OUTSIDE and _ends(before, now):
            yield Entity(type=before[1], first=first, end=place)
        if now[0] != OUTSIDE and (before[0] == OUTSIDE or _ends(before, now)):
            first = place
        before = now


def _parts(tag: str) -> tuple[str, str]:
    """The tag's position (B, I, E, S or O) and its type."""
    position, hyphen, name = tag.partition("-")
    if tag == OUTSIDE:
        return OUTSIDE, ""
    return (position, name) if hyphen and position in {"B", "I", "E", "S"} else ("I", tag)


def _ends(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether an entity that `before` is part of is over when `now` comes."""
    return before[0] in {"E", "S"} or now[0] in {"B", "S", OUTSIDE} or before[1] != now[1]


def _counts(expected: Tags, given: Tags) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Per type: entities that are right, that were given, and that were expected."""
    right, found, there = Counter[str](), Counter[str](), Counter[str]()
    for row in zip(expected, given, strict=True):
        true, answered = ({*entities(tags)} for tags in row)
        there.update(entity.type for entity in true)
        found.update(entity.type for entity in answered)
        right.update(entity.type for entity in true & answered)
    return right, found, there


def _figures(right: int, found: int, there: int) -> dict[str, float]:
    precision, recall = _ratio(right, found), _ratio(right, there)
    return {"precision": precision, "recall": recall, "f1": _ratio(2 * right, found + there)}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
