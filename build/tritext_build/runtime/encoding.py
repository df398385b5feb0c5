"""Texts to rows of token ids, all of one width. Knows tokenizers; knows nothing of Triton."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

Line = str | tuple[str, str]
"""What is encoded together: a text, or a text with its pair."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Encoded lines. A line is one row, or several where it was cut into windows.

    Attributes:
        inputs: The model's inputs by name, each INT64 [rows, max_length], padded on the right.
        token_counts: INT32 [lines], each line's length in tokens before truncation, special tokens included.
        encodings: Of each row, what `tokenizers` says of it: offsets, words, which tokens are special.
        lines: INT64 [rows], the line that a row belongs to, ascending.
    """

    inputs: dict[str, npt.NDArray[np.int64]]
    token_counts: npt.NDArray[np.int32]
    encodings: list[Encoding]
    lines: npt.NDArray[np.int64]

    def rows_of(self, first: int, last: int) -> slice:
        """The rows of the lines from `first` up to, not including, `last`."""
        start, stop = np.searchsorted(self.lines, (first, last))
        return slice(int(start), int(stop))


class Encoder:
    """A checkpoint's tokenizer with the width and the inputs of one model version.

    The graph behind it finds the real tokens itself, so that width costs the moving of zeros and nothing else.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        max_length: int,
        input_names: Sequence[str],
        pad_token_id: int,
        truncation_side: str,
    ) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.special_tokens = {
            pair: tokenizer.num_special_tokens_to_add(is_pair=pair) for pair in (False, True)
        }
        self._input_names = tuple(input_names)
        self._pad_token_id = pad_token_id
        self._truncation_side = truncation_side

    @classmethod
    def from_file(cls, path: Path, **settings: Any) -> "Encoder":
        """Read `tokenizer.json`, the format of the `tokenizers` library; `settings` as for the class."""
        return cls(Tokenizer.from_file(str(path)), **settings)

    def encode(
        self,
        lines: Sequence[Line],
        *,
        max_length: int | None = None,
        truncate: str = "longest_first",
        stride: int | None = None,
        offsets: bool = False,
    ) -> Encoded:
        """Encode all lines in one call of the tokenizer, which spreads them over the processor's cores.

        Args:
            lines: Texts, or pairs of texts.
            max_length: The most tokens of a row; the width of the rows if not given.
            truncate: Of a pair, which side is cut: "longest_first", "only_first" or "only_second".
            stride: Tokens that neighbouring windows share. None cuts what is too long off; a number makes it
                windows, each a row.
            offsets: Whether `Encoded.encodings` shall know where in the text a token stands, which takes time.
        """
        most = min(max_length or self.max_length, self.max_length)
        self.tokenizer.enable_truncation(
            most, stride=stride or 0, strategy=truncate, direction=self._truncation_side
        )
        batch = self.tokenizer.encode_batch if offsets else self.tokenizer.encode_batch_fast
        firsts: list[Encoding] = batch(list(lines))
        windows = [[first] if stride is None else [first, *first.overflowing] for first in firsts]
        encodings = list(itertools.chain.from_iterable(windows))
        return Encoded(
            inputs=self._rows(encodings),
            token_counts=self._counts(lines, firsts, stride or 0),
            encodings=encodings,
            lines=np.array([line for line, rows in enumerate(windows) for _ in rows], np.int64),
        )

    def _rows(self, encodings: Sequence[Encoding]) -> dict[str, npt.NDArray[np.int64]]:
        shape = (len(encodings), self.max_length)
        columns = {
            "input_ids": np.full(shape, self._pad_token_id, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
            "token_type_ids": np.zeros(shape, np.int64),
        }
        for row, encoding in enumerate(encodings):
            length = len(encoding)
            columns["input_ids"][row, :length] = encoding.ids
            columns["attention_mask"][row, :length] = 1
            columns["token_type_ids"][row, :length] = encoding.type_ids
        return {name: columns[name] for name in self._input_names}

    def _counts(
        self, lines: Sequence[Line], firsts: Sequence[Encoding], stride: int
    ) -> npt.NDArray[np.int32]:
        self.tokenizer.no_truncation()
        counts = (self._count(line, first, stride) for line, first in zip(lines, firsts, strict=True))
        return np.fromiter(counts, np.int32, len(firsts))

    def _count(self, line: Line, first: Encoding, stride: int) -> int:
        """Tokens before truncation: what was cut off is there as windows, each with special tokens of its own."""
        if not first.overflowing:
            return len(first)
        if not isinstance(line, str):
            return len(self.tokenizer.encode_batch_fast([line])[0])
        repeated = self.special_tokens[False] + stride
        return len(first) + sum(len(window) - repeated for window in first.overflowing)
