"""Which tokens of a row may be an answer, and which characters of the context they stand for. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Encoding

NO_WORD = -1
"""Stands in `word_offsets` for a token that belongs to no word of the context."""


def spans_of(
    encodings: Sequence[Encoding], *, cls_token_id: int | None, question_first: bool
) -> dict[str, npt.NDArray[np.int32]]:
    """What the last step must know of the rows, each INT32 [rows, longest row, …] with zeros as padding.

    `answerable` [rows, longest]: 1 for tokens that may be in an answer.
    `offsets` [rows, longest, 2]: the first character of a token, and the one behind its last.
    `word_offsets` [rows, longest, 2]: the same of the token's word, as far as it stands in this row.
    """
    longest = max(map(len, encodings), default=0)
    spans = {
        "answerable": np.zeros((len(encodings), longest), np.int32),
        "offsets": np.zeros((len(encodings), longest, 2), np.int32),
        "word_offsets": np.full((len(encodings), longest, 2), NO_WORD, np.int32),
    }
    for row, encoding in enumerate(encodings):
        here = row, slice(len(encoding))
        in_context = _numbers(encoding.sequence_ids) == int(question_first)
        offsets = np.array(encoding.offsets, np.int32).reshape(-1, 2)
        spans["answerable"][here] = answerable(
            in_context, np.array(encoding.ids), cls_token_id=cls_token_id, question_first=question_first
        )
        spans["offsets"][here] = offsets
        spans["word_offsets"][here] = word_offsets(offsets, _numbers(encoding.word_ids), in_context)
    return spans


def answerable(
    in_context: npt.NDArray[np.bool_],
    ids: npt.NDArray[np.int64],
    *,
    cls_token_id: int | None,
    question_first: bool,
) -> npt.NDArray[np.bool_]:
    """The context and, for the answer that there is none, the token CLS.

    Where the context stands first, the pipeline masks nothing, and neither do we.
    """
    if not question_first:
        return np.ones_like(in_context)
    return in_context if cls_token_id is None else in_context | np.equal(ids, cls_token_id)


def word_offsets(
    offsets: npt.NDArray[np.int32], words: npt.NDArray[np.float64], in_context: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """For each token the characters of its word [tokens, 2]; `words` are ascending in the context, NaN for none."""
    known = np.flatnonzero(in_context & ~np.isnan(words))
    first = np.searchsorted(words[known], words, side="left")
    last = np.searchsorted(words[known], words, side="right") - 1
    found = last >= first
    result = np.full_like(offsets, NO_WORD)
    result[found, 0] = offsets[known[first[found]], 0]
    result[found, 1] = offsets[known[last[found]], 1]
    return result


def _numbers(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Whole numbers, or None, which becomes NaN."""
    return np.array(values, np.float64)
