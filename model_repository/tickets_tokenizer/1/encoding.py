"""Texts to rows of token ids, all of one width. Knows tokenizers; knows nothing of Triton."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer


@dataclass(frozen=True)
class Rows:
    """Encoded texts.

    Attributes:
        inputs: The model's inputs by name, each INT64 [texts, max_length], padded on the right.
        token_counts: INT32 [texts], each text's length in tokens before truncation, special tokens included.
    """

    inputs: dict[str, npt.NDArray[np.int64]]
    token_counts: npt.NDArray[np.int32]


class Encoder:
    """A checkpoint's tokenizer with the width and the inputs of one model version.

    The graph behind it computes on no more columns than the longest row of a batch fills, so that width
    costs the moving of zeros and nothing else.
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
        tokenizer.enable_truncation(max_length, direction=truncation_side)
        self._tokenizer = tokenizer
        self._special_tokens = tokenizer.num_special_tokens_to_add(is_pair=False)
        self._input_names = tuple(input_names)
        self._pad_token_id = pad_token_id
        self.max_length = max_length

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        max_length: int,
        input_names: Sequence[str],
        pad_token_id: int,
        truncation_side: str,
    ) -> "Encoder":
        """Read `tokenizer.json`, the format of the `tokenizers` library."""
        return cls(
            Tokenizer.from_file(str(path)),
            max_length=max_length,
            input_names=input_names,
            pad_token_id=pad_token_id,
            truncation_side=truncation_side,
        )

    def encode(self, texts: Sequence[str]) -> Rows:
        """Encode all texts in one call of the tokenizer, which spreads them over the processor's cores."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
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
        counts = np.fromiter(
            (self._full_length(encoding) for encoding in encodings), np.int32, len(encodings)
        )
        return Rows({name: columns[name] for name in self._input_names}, counts)

    def _full_length(self, encoding: Encoding) -> int:
        """Tokens before truncation: what was cut off comes back as windows, each with special tokens of its own."""
        return len(encoding) + sum(len(window) - self._special_tokens for window in encoding.overflowing)
