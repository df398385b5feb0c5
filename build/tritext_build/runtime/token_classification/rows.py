"""Requests for token classification to rows: a text is one row, or as many as it has windows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..encoding import Encoded, Encoder
from ..requests import (
    TRUNCATIONS,
    BadRequest,
    Tensors,
    choice,
    parameters_of,
    refuse_long,
    texts_of,
    whole_number,
)

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils
    from tokenizers import Encoding

WINDOW = "window"

NO_TOKEN = -1
"""Stands for the id of special tokens and of padding, which are never part of an answer."""

MOST_WINDOWS = 4096
"""What a request may not come near: a text in steps of one token would fill the memory before anyone counts rows."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for; with a `stride`, windows that share so many tokens."""

    texts: list[str]
    truncation: str
    stride: int | None


class Rows:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._room = encoder.max_length - encoder.special_tokens[False]

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text or a parameter is not what it must be.
        """
        texts, parameters = texts_of(request, "TEXT"), parameters_of(request)
        if not texts:
            raise BadRequest("TEXT is empty; send at least one text")
        default = WINDOW if "stride" in parameters else "truncate"
        truncation = choice(parameters, "truncation", (*TRUNCATIONS, WINDOW), default)
        return Ask(texts=texts, truncation=truncation, stride=self._stride(texts, parameters, truncation))

    def _stride(self, texts: Sequence[str], parameters: dict[str, Any], truncation: str) -> int | None:
        """Tokens that windows share, a quarter of the model's length unless the request says; None without windows."""
        if truncation != WINDOW:
            if "stride" in parameters:
                raise BadRequest(
                    f"the parameter stride is for windows; leave out truncation={truncation!r} or the stride",
                    reason="parameter",
                )
            return None
        stride = whole_number(parameters, "stride", self._encoder.max_length // 4)
        if stride >= self._room:
            raise BadRequest(
                f"the parameter stride takes less than the {self._room} tokens of a window, not {stride}",
                reason="parameter",
            )
        if sum(map(len, texts)) // (self._room - stride) > MOST_WINDOWS:
            raise BadRequest(
                f"TEXT in windows that share {stride} of {self._room} tokens may make more than {MOST_WINDOWS} "
                f"of them; send less in one request, or a smaller stride",
                reason="too_many_rows",
            )
        return stride

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [rows, max_length], and TOKEN_COUNT, INT32 [texts, 1].

        Besides, for the last step: `tokens` as `token_table` makes it, and `lines`, INT32 [rows, 1], the text
        that a row belongs to.
        """
        answers: dict[int, Tensors | BadRequest] = {}
        for stride in {ask.stride for ask in asks}:
            alike = {number: ask for number, ask in enumerate(asks) if ask.stride == stride}
            answers.update(zip(alike, self._encode(list(alike.values()), stride), strict=True))
        return [answers[number] for number in range(len(asks))]

    def _encode(self, asks: Sequence[Ask], stride: int | None) -> Iterator[Tensors | BadRequest]:
        encoded = self._encoder.encode(
            [text for ask in asks for text in ask.texts], stride=stride, offsets=True
        )
        ends = list(itertools.accumulate(len(ask.texts) for ask in asks))
        for ask, first, last in zip(asks, [0, *ends], ends, strict=False):
            counts, most = encoded.token_counts[first:last], self._encoder.max_length
            refused = (
                refuse_long("TEXT", counts, most, remedy="truncation='window'")
                if ask.truncation == "error"
                else None
            )
            yield refused or _tensors(encoded, first, last)


def _tensors(encoded: Encoded, first: int, last: int) -> Tensors:
    """What belongs to the texts from `first` up to, not including, `last`."""
    rows = encoded.rows_of(first, last)
    return {
        **{name: array[rows] for name, array in encoded.inputs.items()},
        "tokens": token_table(encoded.encodings[rows]),
        "lines": (encoded.lines[rows] - first).astype(np.int32).reshape(-1, 1),
        "TOKEN_COUNT": encoded.token_counts[first:last].reshape(-1, 1),
    }


def token_table(encodings: Sequence[Encoding]) -> npt.NDArray[np.int32]:
    """Of every token its id and where in the text it starts and ends, in characters: INT32 [rows, longest, 3]."""
    longest = max(1, *map(len, encodings))
    table = np.full((len(encodings), longest, 3), NO_TOKEN, np.int32)
    for row, encoding in enumerate(encodings):
        own = table[row, : len(encoding)]
        own[:, 0] = np.where(encoding.special_tokens_mask, NO_TOKEN, encoding.ids)
        own[:, 1:] = np.array(encoding.offsets, np.int32).reshape(-1, 2)
    return table
