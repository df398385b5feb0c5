"""Requests for text ranking to rows: the query with one of the texts is a row."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..encoding import Encoder, Line
from ..requests import TRUNCATIONS, BadRequest, Tensors, choice, parameters_of, refuse_long, texts_of

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for."""

    lines: list[Line]
    truncation: str


class Rows:
    """`prompt` is put in front of every query, as the checkpoint asks."""

    def __init__(self, encoder: Encoder, *, prompt: str = "") -> None:
        self._encoder = encoder
        self._prompt = prompt

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text or a parameter is not what it must be.
        """
        query, texts = texts_of(request, "QUERY")[0], texts_of(request, "TEXTS")
        if not texts:
            raise BadRequest("TEXTS is empty; send at least one text to rank")
        return Ask(
            lines=[(self._prompt + query, text) for text in texts],
            truncation=choice(parameters_of(request), "truncation", TRUNCATIONS, "truncate"),
        )

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [texts, max_length], and TOKEN_COUNT, INT32 [texts]."""
        encoded = self._encoder.encode([line for ask in asks for line in ask.lines])
        ends = list(itertools.accumulate(len(ask.lines) for ask in asks))
        answers: list[Tensors | BadRequest] = []
        for ask, start, end in zip(asks, [0, *ends], ends, strict=False):
            counts, most = encoded.token_counts[start:end], self._encoder.max_length
            refused = refuse_long("QUERY with TEXTS", counts, most) if ask.truncation == "error" else None
            rows = {name: array[start:end] for name, array in encoded.inputs.items()}
            answers.append(refused or {**rows, "TOKEN_COUNT": counts})
        return answers
