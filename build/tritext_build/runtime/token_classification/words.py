"""Tokens as parts of words: which token continues the one before it, and what a run of tokens reads like.

The rules are those of the class TokenClassificationPipeline of transformers, version 5
(https://huggingface.co/docs/transformers/main_classes/pipelines). Knows nothing of labels, nothing of Triton.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..vocabulary import Vocabulary

Indices = npt.NDArray[np.integer[Any]]

SPACE = ord(" ")


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokens of one row that stand for text, each array INT [tokens].

    Attributes:
        text: The whole text, of which the row may be a window.
        positions: Where in the row they stand, special tokens counted.
        ids: In the vocabulary.
        starts: First character of the text that a token stands for.
        ends: One behind the last.
    """

    text: str
    positions: Indices
    ids: Indices
    starts: Indices
    ends: Indices

    @classmethod
    def of_row(cls, text: str, table: Indices) -> Tokens:
        """Out of a row [length, 3] of ids, starts and ends, whose ids are negative where no text stands."""
        positions = np.flatnonzero(table[:, 0] >= 0)
        ids, starts, ends = table[positions].T
        return cls(text=text, positions=positions, ids=ids, starts=starts, ends=ends)


class Words:
    """How a vocabulary makes words; its unknown token, if any, reads like the text that it stands for."""

    def __init__(self, vocabulary: Vocabulary, *, unk_token_id: int | None) -> None:
        self._vocabulary = vocabulary
        self._unknown = -1 if unk_token_id is None else unk_token_id
        self._lengths = np.array([len(token or "") for token in vocabulary.tokens])

    def begin(self, tokens: Tokens) -> Indices:
        """The tokens that begin a word: the first one, and all that do not continue another."""
        begins = ~self._continues(tokens) | (tokens.ids == self._unknown)
        begins[:1] = True
        return np.flatnonzero(begins)

    def _continues(self, tokens: Tokens) -> npt.NDArray[np.bool_]:
        """With a subword prefix, tokens of other length than their text; else those that no space parts from it."""
        if self._vocabulary.continuing_subword_prefix:
            continues: npt.NDArray[np.bool_] = self._lengths[tokens.ids] != tokens.ends - tokens.starts
            return continues
        spaces = np.frombuffer((tokens.text + "-").encode("utf-32-le"), np.uint32) == SPACE
        parted = spaces[tokens.starts] | spaces[tokens.starts - 1]
        within: npt.NDArray[np.bool_] = (tokens.starts > 0) & ~parted
        return within

    def strings(self, tokens: Tokens, first: int, last: int) -> list[str]:
        """The tokens from `first` up to, not including, `last`, as the vocabulary writes them."""
        return [
            tokens.text[start:end] if token == self._unknown else self._vocabulary.tokens[token] or ""
            for token, start, end in zip(
                tokens.ids[first:last].tolist(),
                tokens.starts[first:last].tolist(),
                tokens.ends[first:last].tolist(),
                strict=True,
            )
        ]

    def read(self, tokens: Tokens, first: int, last: int) -> str:
        """The same as text."""
        return self._vocabulary.join(self.strings(tokens, first, last))

    def read_words(self, tokens: Tokens, edges: Indices) -> str:
        """Words as text, each read by itself; they begin at all `edges` but the last, where the last one ends."""
        pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return self._vocabulary.join([self.read(tokens, first, last) for first, last in pairs])
