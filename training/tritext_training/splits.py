"""Which rows train, which choose the best epoch, and which test: stratified, repeatable, never overlapping.

Knows rows only by their position and label; refuses to know texts, except to find the same one twice.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Positions taken from a list of rows, and the positions left; both in the rows' order."""

    taken: tuple[int, ...]
    left: tuple[int, ...]


def strata(labels: Sequence[Sequence[str]]) -> list[str]:
    """One stratum a row: its label, or the rarest of its labels, so that rare labels reach every split."""
    counts = Counter(label for row in labels for label in row)
    return [min(row, key=lambda label: (counts[label], label), default="") for row in labels]


def draw(stratum: Sequence[str], *, count: int, seed: int) -> Drawn:
    """Leave one row of every stratum behind, then take `count` of the others evenly over all strata.

    Rows are shuffled within their strata and every n-th one is taken (systematic sampling), so each stratum
    gives its share to within one row, however many strata there are. Fewer than `count` are taken where the
    strata's last rows would be needed.
    """
    chance = random.Random(seed)  # noqa: S311 - a repeatable split, no secret
    members: dict[str, list[int]] = defaultdict(list)
    for position, name in enumerate(stratum):
        members[name].append(position)
    pool: list[int] = []
    for name in sorted(members):
        chance.shuffle(members[name])
        pool += members[name][1:]
    count = min(count, len(pool))
    start = chance.random()
    taken = {pool[int((index + start) * len(pool) / count)] for index in range(count)}
    return Drawn(taken=tuple(sorted(taken)), left=tuple(sorted(set(range(len(stratum))) - taken)))


def duplicates(**splits: Sequence[str]) -> dict[str, Any]:
    """Texts that occur twice in a split, and those that leak from one split into another.

    Two texts are the same if they differ only in case and white space.

    Returns:
        `within`: surplus rows per split; `leaks`: for each pair of splits `{"between", "rows", "examples"}`,
        where `rows` counts those of the second split whose text is in the first.
    """
    seen = {name: [" ".join(text.casefold().split()) for text in texts] for name, texts in splits.items()}
    leaks = []
    names = list(splits)
    for index, second in enumerate(names):
        for first in names[:index]:
            known = set(seen[first])
            found = [text for text, same in zip(splits[second], seen[second], strict=True) if same in known]
            leaks.append({"between": [first, second], "rows": len(found), "examples": found[:3]})
    return {"within": {name: len(same) - len(set(same)) for name, same in seen.items()}, "leaks": leaks}
