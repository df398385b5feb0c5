"""Which words a row of tokens is made of, and where each stands in its text. Knows tokenizers; knows no model.

A word is what the tokenizer takes for one before it cuts it into tokens, contractions ("don't") in one piece. Where that
is a long run without spaces, as in Thai or in a URL, its tokens stand for themselves.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding

MOST_TOKENS = 8
"""A word of more tokens is taken apart."""

CONTRACTION = re.compile(r"\w+(?:['\u2019]\w+)+")


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word, or several neighbours.

    Attributes:
        tokens: The places of its tokens in the row.
        side: 0 in the text, 1 in its pair.
        start: Where it begins in its text, in characters; `text[start:end]` is what the text says there.
    """

    tokens: tuple[int, ...]
    side: int
    start: int
    end: int

    def __add__(self, other: Word) -> Word:
        return Word(
            tokens=(*self.tokens, *other.tokens),
            side=self.side,
            start=min(self.start, other.start),
            end=max(self.end, other.end),
        )


def words_of(encoding: Encoding, texts: Sequence[str]) -> list[Word]:
    """The words of a row in their order; tokens that the tokenizer itself adds belong to none."""
    tokens = zip(encoding.sequence_ids, encoding.word_ids, encoding.offsets, strict=True)
    found = [
        (side, word, _trimmed(Word(tokens=(place,), side=side, start=start, end=end), texts[side]))
        for place, (side, word, (start, end)) in enumerate(tokens)
        if side is not None
    ]
    runs = itertools.groupby(found, key=lambda entry: entry[:2])
    # A token whose word the tokenizer does not know is a word.
    pieces = (_pieces([token for *_, token in run], apart=word is None) for (_, word), run in runs)
    return _contracted(_visible(itertools.chain.from_iterable(pieces)), texts)


def _trimmed(word: Word, text: str) -> Word:
    """Without the spaces that byte-level tokenizers count to the word behind them."""
    said = text[word.start : word.end]
    start = word.start + len(said) - len(said.lstrip())
    return Word(
        tokens=word.tokens, side=word.side, start=start, end=max(start, word.start + len(said.rstrip()))
    )


def _pieces(tokens: list[Word], *, apart: bool) -> list[Word]:
    """A word's tokens as one word, or each for itself, where they do not share a character."""
    if not apart and len(tokens) <= MOST_TOKENS:
        return [_joined(tokens)]
    pieces = tokens[:1]
    for token in tokens[1:]:
        if token.start < pieces[-1].end:
            pieces[-1] += token
        else:
            pieces.append(token)
    return pieces


def _visible(words: Iterable[Word]) -> list[Word]:
    """Words of no character, such as a lone mark of a word's beginning, go with the next one of their text."""
    found: list[Word] = []
    for word in words:
        if found and found[-1].side == word.side and _is_empty(found[-1]):
            found[-1] = Word(
                tokens=(*found[-1].tokens, *word.tokens), side=word.side, start=word.start, end=word.end
            )
        else:
            found.append(word)
    return found


def _contracted(words: Iterable[Word], texts: Sequence[str]) -> list[Word]:
    """Words of one contraction as one word."""
    spans = [[match.span() for match in CONTRACTION.finditer(text)] for text in texts]
    found: list[Word] = []
    for word in words:
        whole = found and any(
            start <= found[-1].start and word.end <= end and word.side == found[-1].side
            for start, end in _reaching(spans[word.side], word.start)
        )
        if whole:
            found[-1] += word
        else:
            found.append(word)
    return found


def _reaching(spans: list[tuple[int, int]], place: int) -> list[tuple[int, int]]:
    """The span that holds a place, if there is one; what ends before it is dropped, since places only rise."""
    while spans and spans[0][1] <= place:
        spans.pop(0)
    return spans[:1]


def _is_empty(word: Word) -> bool:
    return word.start >= word.end


def _joined(words: Sequence[Word]) -> Word:
    """Neighbours as one."""
    first, *others = words
    return sum(others, first)


def grouped(words: Sequence[Word], most: int) -> list[Word]:
    """At most `most` (or as many as there are sides) groups of neighbours, of like size, none of which spans a text and its pair."""
    if len(words) <= most:
        return list(words)
    size = -(-len(words) // most)
    sides = [[word for word in words if word.side == side] for side in sorted({word.side for word in words})]
    while sum(-(-len(side) // size) for side in sides) > max(most, len(sides)):
        size += 1
    return [_joined(part) for side in sides for part in _parts(side, -(-len(side) // size))]


def _parts(words: list[Word], parts: int) -> list[list[Word]]:
    """Cut into `parts` whose sizes differ by one at most."""
    ends = [round(len(words) * part / parts) for part in range(parts + 1)]
    return [words[start:end] for start, end in itertools.pairwise(ends)]


def membership(words: Sequence[Word], width: int) -> npt.NDArray[np.int64]:
    """INT64 [width]: for each place of a row the number of its word, -1 where it belongs to none."""
    members = np.full(width, -1, np.int64)
    for number, word in enumerate(words):
        members[list(word.tokens)] = number
    return members
