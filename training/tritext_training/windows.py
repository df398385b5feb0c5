"""Long texts in windows: which piece of which window stands for which token of a tagged text.

Knows offsets, no tags and no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerFast

from tritext.tagged import TaggedText

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the model reads of one row at once: piece `pieces[i]` is the first one of the row's token `tokens[i]`."""

    row: int
    features: dict[str, Any]
    pieces: Places
    tokens: Places


def tagged_windows(
    tokenizer: PreTrainedTokenizerFast, rows: Sequence[TaggedText], *, max_length: int
) -> list[Window]:
    """The texts in pieces, in their order, split where they are longer than `max_length` pieces.

    The texts are tokenized as they will be in serving, blanks and all. Windows without the beginning of any token are
    left out.
    """
    encoded = tokenizer(
        [row.text for row in rows],
        truncation=True,
        max_length=max_length,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )
    names = [name for name in tokenizer.model_input_names if name in encoded]
    windows: list[Window] = []
    seen = np.zeros(len(rows), np.int64)  # tokens that have begun, per row
    for number, row in enumerate(encoded["overflow_to_sample_mapping"]):
        special = np.array(encoded["special_tokens_mask"][number], bool)
        pieces, tokens = _firsts(np.array(encoded["offset_mapping"][number]), special, rows[row].offsets)
        new = tokens >= seen[row]
        if new.any():
            seen[row] = tokens[-1] + 1
            features = {name: encoded[name][number] for name in names}
            windows.append(Window(row=row, features=features, pieces=pieces[new], tokens=tokens[new]))
    return windows


def _firsts(offsets: Places, special: Any, tokens: Sequence[tuple[int, int]]) -> tuple[Places, Places]:
    """The first piece of each token that has one, and the token; pieces may begin in the blank before their token."""
    starts, ends = np.array(tokens).T
    token = np.searchsorted(ends, offsets[:, 0], side="right")
    inside = starts[np.minimum(token, len(starts) - 1)] < offsets[:, 1]
    (pieces,) = np.nonzero((token < len(starts)) & inside & ~special)
    found, first = np.unique(token[pieces], return_index=True)
    return pieces[first], found
