"""Which rows train, which choose the best epoch, and which test: stratified, repeatable, never overlapping.

Knows rows only by their position and label; refuses to know texts, except to find the same one twice.
"""

import random
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from tritext_training.errors import BadOption, TooFewRows, TooFewToSplit
from tritext_training.options import TrainingOptions
from tritext_training.shelf import View

Row = TypeVar("Row")

TEST_SHARE = 0.1
"""Of the rows, held out for the final test where no evaluation data are given."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Positions taken from a list of rows, and the positions left; both in the rows' order."""

    taken: "array[int]"
    left: "array[int]"


Draw = Callable[[Sequence[Row], int, int], Drawn]
"""Some of the rows: so many of them, by the seed."""


@dataclass(frozen=True, kw_only=True)
class Parts(Generic[Row]):
    """The rows by what they are for."""

    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]

    def items(self) -> list[tuple[str, Sequence[Row]]]:
        return [("train", self.train), ("validation", self.validation), ("test", self.test)]


def by_label(labels_of: Callable[[Row], Sequence[str]], *, path: Path) -> Draw[Row]:
    """Rows drawn evenly over their labels, so that each keeps a row; `path` is for the error's sentence."""

    def drawing(rows: Sequence[Row], count: int, seed: int) -> Drawn:
        known: dict[tuple[str, ...], tuple[str, ...]] = {}  # rows with the same labels share them
        labels = [known.setdefault(found, found) for found in (tuple(labels_of(row)) for row in rows)]
        drawn = draw(strata(labels), count=count, seed=seed)
        if not drawn.taken:
            raise TooFewRows(path=path, rows=len(rows), labels=len({name for row in known for name in row}))
        return drawn

    return drawing


def by_group(group_of: Callable[[Row], Hashable], *, path: Path, units: str) -> Draw[Row]:
    """Rows drawn by chance, those of one group together; `path` and what groups are (`units`) are for the error."""

    def drawing(rows: Sequence[Row], count: int, seed: int) -> Drawn:
        drawn = draw_groups([group_of(row) for row in rows], count=count, seed=seed)
        if not drawn.taken:
            raise TooFewToSplit(path=path, units=units, count=len({group_of(row) for row in rows}))
        return drawn

    return drawing


def sampled(rows: Sequence[Row], draw: Draw[Row], *, options: TrainingOptions) -> Sequence[Row]:
    """At most `--max-samples` of the rows."""
    surplus = len(rows) - (options.max_samples or len(rows))
    if surplus <= 0:
        return rows
    drawn = draw(rows, surplus, options.seed)
    if len(drawn.taken) < surplus:
        expected = (
            f"at least {len(drawn.left)}: every label needs a row, and what belongs together stays together"
        )
        raise BadOption(option="max-samples", value=options.max_samples, expected=expected)
    return pick(rows, drawn.left)


def divide(
    rows: Sequence[Row],
    given: Sequence[Row] | None,
    draw: Draw[Row],
    *,
    options: TrainingOptions,
    most: int | None = None,
) -> Parts[Row]:
    """`given` or a tenth of the rows to test with, `--validation-split` of the others to choose by, the rest to train.

    Not many more than `most` rows are drawn for either.
    """
    rows = sampled(rows, draw, options=options)
    rest, test = (rows, given) if given is not None else _take(rows, TEST_SHARE, draw, options.seed + 1, most)
    train, validation = _take(rest, options.validation_split, draw, options.seed, most)
    return Parts(train=train, validation=validation, test=test)


def _take(
    rows: Sequence[Row], share: float, draw: Draw[Row], seed: int, most: int | None
) -> tuple[Sequence[Row], Sequence[Row]]:
    drawn = draw(rows, min(most or len(rows), max(1, round(share * len(rows)))), seed)
    return pick(rows, drawn.left), pick(rows, drawn.taken)


class Picked(View[Row]):
    """Some of the rows, by their positions; no row is copied."""

    def __init__(self, rows: Sequence[Row], positions: npt.NDArray[np.int64]) -> None:
        self.rows, self.positions = rows, positions

    def __len__(self) -> int:
        return len(self.positions)

    def item(self, place: int) -> Row:
        return self.rows[int(self.positions[place])]


def pick(rows: Sequence[Row], positions: "array[int]") -> Picked[Row]:
    chosen = np.asarray(positions, dtype=np.int64)
    return Picked(rows.rows, rows.positions[chosen]) if isinstance(rows, Picked) else Picked(rows, chosen)


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
    members: dict[str, array[int]] = defaultdict(lambda: array("q"))
    for position, name in enumerate(stratum):
        members[name].append(position)
    pool = array("q")
    for name in sorted(members):
        chance.shuffle(members[name])
        pool += members[name][1:]
    count = min(count, len(pool))
    start = chance.random()
    taken = np.zeros(len(stratum), bool)
    taken[[pool[int((index + start) * len(pool) / count)] for index in range(count)]] = True
    return _drawn(taken)


def draw_groups(groups: Sequence[Hashable], *, count: int, seed: int) -> Drawn:
    """Take whole groups, by chance, until they have at least `count` rows; one group is always left."""
    sizes = Counter(groups)
    names = list(sizes)
    random.Random(seed).shuffle(names)  # noqa: S311 - a repeatable split, no secret
    taken: set[Hashable] = set()
    rows = 0
    while len(names) > 1 and rows < count:
        name = names.pop()
        taken.add(name)
        rows += sizes[name]
    return _drawn(np.fromiter((group in taken for group in groups), bool, len(groups)))


def _drawn(taken: npt.NDArray[np.bool_]) -> Drawn:
    chosen, left = np.flatnonzero(taken), np.flatnonzero(~taken)
    return Drawn(taken=array("q", chosen.tobytes()), left=array("q", left.tobytes()))


def duplicates(**splits: Sequence[str]) -> dict[str, Any]:
    """Texts that occur twice in a split, and those that leak from one split into another.

    Two texts are the same if they differ only in case and white space.

    Returns:
        `within`: surplus rows per split; `leaks`: for each pair of splits `{"between", "rows", "examples"}`,
        where `rows` counts those of the second split whose text is in the first.
    """
    seen = {name: fingerprints(texts) for name, texts in splits.items()}
    leaks = []
    names = list(splits)
    for index, second in enumerate(names):
        for first in names[:index]:
            found = np.flatnonzero(np.isin(seen[second], seen[first]))
            examples = [splits[second][int(place)] for place in found[:3]]
            leaks.append({"between": [first, second], "rows": len(found), "examples": examples})
    return {"within": {name: len(same) - len(np.unique(same)) for name, same in seen.items()}, "leaks": leaks}


def fingerprints(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Eight bytes a text, the same ones for texts that differ only in case and white space."""
    return np.fromiter(
        (fingerprint(" ".join(text.casefold().split())) for text in texts), np.uint64, len(texts)
    )


def fingerprint(text: str) -> int:
    """Eight bytes that two texts share by chance less than once in 10¹⁹ pairs."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
