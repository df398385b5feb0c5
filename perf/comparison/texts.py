"""What is sent: labelled texts from a file, and mixes of other lengths that are made from them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from tritext_perf import input_data

SHORT_TOKENS = 10
"""The longest text of the mix `short`."""

JUDGED = 64
"""Texts of a mix without labels whose answers are compared with the original's."""

TAIL_MEAN, TAIL_SPREAD = 4.1, 0.9
"""Of the logarithm of lengths in the mix `long-tailed`: half of them lie below 60 tokens, one in 25 above 300."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Texts with what is known about them."""

    name: str
    texts: tuple[str, ...]
    labels: tuple[str, ...] | None
    lengths: dict[str, float]
    """In tokens, special tokens included, after truncation."""

    @property
    def judged(self) -> tuple[str, ...]:
        """The texts whose answers are compared: all that have labels, some of the others."""
        return self.texts if self.labels else self.texts[:JUDGED]


class Mixes:
    """Mixes for one tokenizer and one limit."""

    def __init__(self, tokenizer: Tokenizer, max_length: int, *, most: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length)
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._most = most

    def of_file(self, name: str, path: Path) -> Mix:
        """A sample of a data file, as `tritext bench` takes it.

        Raises:
            RecordsError: It cannot be read.
        """
        read = input_data.read(
            path, text_column=None, label_column=None, label_separator=None, most=self._most, seed=0
        )
        labels = tuple(labels[0] for labels in read.labels) if read.labels and not read.multi_label else None
        return self._mix(name, read.texts, labels)

    def short(self, texts: Sequence[str]) -> Mix:
        """The shortest of them."""
        lengths = self._lengths(texts)
        chosen = [text for text, length in zip(texts, lengths, strict=True) if length <= SHORT_TOKENS]
        return self._mix("short", chosen or sorted(texts, key=len)[: len(texts) // 4 + 1], None)

    def long_tailed(self, texts: Sequence[str]) -> Mix:
        """Texts joined to lengths that are distributed log-normally, as people's messages are."""
        chance = random.Random(0)  # noqa: S311 - a sample, no secret
        return self._joined("long-tailed", texts, lambda: chance.lognormvariate(TAIL_MEAN, TAIL_SPREAD))

    def longest(self, texts: Sequence[str]) -> Mix:
        """Texts joined to the limit, all of them."""
        return self._joined("all-maximum", texts, lambda: 1.5 * self._max_length)

    def _joined(self, name: str, texts: Sequence[str], wanted: Callable[[], float]) -> Mix:
        lengths = self._lengths(texts)
        chance = random.Random(1)  # noqa: S311 - a sample, no secret
        made = []
        for _ in range(self._most):
            parts: list[str] = []
            length, most = 0.0, wanted()
            while length < most or not parts:
                chosen = chance.randrange(len(texts))
                parts.append(texts[chosen])
                length += lengths[chosen] - self._tokenizer.num_special_tokens_to_add(is_pair=False)
            made.append(" ".join(parts))
        return self._mix(name, made, None)

    def _mix(self, name: str, texts: Sequence[str], labels: Sequence[str] | None) -> Mix:
        return Mix(
            name=name,
            texts=tuple(texts),
            labels=tuple(labels) if labels else None,
            lengths=input_data.spread_of(self._lengths(texts)),
        )

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(list(texts))]
