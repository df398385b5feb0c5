"""Texts, or pairs of texts, to what a model reads, and how long they were. Knows no task."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerFast

from tritext_training.shelf import CHUNK, Features, View

__all__ = ["Attribute", "Features", "Texts", "features", "length_facts", "token_counts"]


class Attribute(View[Any]):
    """One attribute of each row."""

    def __init__(self, rows: Sequence[Any], name: str) -> None:
        self._rows, self._name = rows, name

    def __len__(self) -> int:
        return len(self._rows)

    def item(self, place: int) -> Any:
        return getattr(self._rows[place], self._name)


class Texts(View[str]):
    """Texts, or as many pairs; as a sequence, one string a row, by which repeated rows are found."""

    def __init__(self, *, first: Sequence[str], second: Sequence[str] | None = None) -> None:
        self.first, self.second = first, second

    @classmethod
    def of(cls, rows: Sequence[Any], first: str, second: str) -> "Texts":
        """Two attributes of rows; rows without the second are single texts."""
        paired = bool(rows) and getattr(rows[0], second) is not None
        return cls(first=Attribute(rows, first), second=Attribute(rows, second) if paired else None)

    def __len__(self) -> int:
        return len(self.first)

    def item(self, place: int) -> str:
        return self.first[place] if self.second is None else f"{self.first[place]}\n{self.second[place]}"

    def columns(self, row: int) -> dict[str, str]:
        """A row as columns of a table."""
        return {"text": self.first[row], **({"text_pair": self.second[row]} if self.second else {})}


def features(
    tokenizer: PreTrainedTokenizerFast,
    texts: Texts,
    *,
    max_length: int,
    **targets: Iterable[Any],
) -> Features:
    """One dict of token ids a row, and its `targets`; of a pair that is too long, the longer text loses its end."""
    return Features(_features(tokenizer, texts, max_length=max_length, targets=targets))


def _features(
    tokenizer: PreTrainedTokenizerFast, texts: Texts, *, max_length: int, targets: dict[str, Iterable[Any]]
) -> Iterator[dict[str, Any]]:
    wanted = zip(*targets.values(), strict=True) if targets else repeat(())
    for start in range(0, len(texts), CHUNK):
        columns = tokenizer(
            *_chunk(texts, slice(start, start + CHUNK)), truncation=True, max_length=max_length
        )
        for row in zip(*columns.values(), strict=True):
            yield dict(zip((*columns, *targets), (*row, *next(wanted)), strict=True))


def token_counts(
    tokenizer: PreTrainedTokenizerFast, texts: Texts, *, max_length: int, read: Features | None = None
) -> dict[str, float]:
    """How long the texts are in tokens, special ones included, and how many are longer than `max_length`.

    Args:
        tokenizer: The tokenizer.
        texts: The texts.
        max_length: From where on texts are cut.
        read: What `features` made of them; then only texts that may have been cut are tokenized again.
    """
    lengths = np.full(len(texts), max_length) if read is None else read.lengths()
    (cut,) = np.nonzero(lengths >= max_length)
    for start in range(0, len(cut), CHUNK):
        places = cut[start : start + CHUNK]
        lengths[places] = [len(ids) for ids in tokenizer(*_chunk(texts, places.tolist()))["input_ids"]]
    return {**length_facts(lengths), "truncated": int((lengths > max_length).sum())}


def _chunk(texts: Texts, places: slice | list[int]) -> list[list[str]]:
    """Some of the texts, and of their pairs if there are any."""
    columns = [column for column in (texts.first, texts.second) if column is not None]
    if isinstance(places, slice):
        return [list(column[places]) for column in columns]
    return [[column[place] for place in places] for column in columns]


def length_facts(lengths: Sequence[int] | npt.NDArray[np.int64]) -> dict[str, float]:
    median, p95 = np.percentile(lengths, [50, 95])
    return {"median": float(median), "p95": float(p95), "max": int(max(lengths))}
