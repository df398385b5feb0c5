"""Texts, or pairs of texts, to what a model reads, and how long they were. Knows no task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

Features = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Texts, or as many pairs."""

    first: tuple[str, ...]
    second: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.first)

    def joined(self) -> list[str]:
        """One string a row, by which repeated rows are found."""
        if self.second is None:
            return list(self.first)
        return [f"{one}\n{other}" for one, other in zip(self.first, self.second, strict=True)]

    def columns(self, row: int) -> dict[str, str]:
        """A row as columns of a table."""
        return {"text": self.first[row], **({"text_pair": self.second[row]} if self.second else {})}


def features(tokenizer: PreTrainedTokenizerFast, texts: Texts, *, max_length: int) -> Features:
    """One dict of token ids a row; of a pair that is too long, the longer text loses its end first."""
    pairs = {} if texts.second is None else {"text_pair": list(texts.second)}
    columns = tokenizer(list(texts.first), **pairs, truncation=True, max_length=max_length)
    return [{name: column[row] for name, column in columns.items()} for row in range(len(texts))]


def with_targets(rows: Features, targets: Sequence[Any]) -> Features:
    return [{**row, "labels": target} for row, target in zip(rows, targets, strict=True)]


def token_counts(tokenizer: PreTrainedTokenizerFast, texts: Texts, *, max_length: int) -> dict[str, float]:
    """How long the texts are in tokens, special ones included, and how many are longer than `max_length`."""
    pairs = {} if texts.second is None else {"text_pair": list(texts.second)}
    lengths = [len(ids) for ids in tokenizer(list(texts.first), **pairs)["input_ids"]]
    return {**length_facts(lengths), "truncated": sum(length > max_length for length in lengths)}


def length_facts(lengths: Sequence[int]) -> dict[str, float]:
    median, p95 = np.percentile(lengths, [50, 95])
    return {"median": float(median), "p95": float(p95), "max": max(lengths)}
