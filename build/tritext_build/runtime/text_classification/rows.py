"""Requests for text classification to rows: a text, or a text with its pair, is one row."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..encoding import Encoder, Line
from ..requests import TRUNCATIONS, BadRequest, Tensors, choice, parameters_of, refuse_long, texts_of

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


@dataclass(frozen=True)
class Ask:
    """What one request asks for."""

    lines: list[Line]
    truncation: str


class Rows:
    """With `pairs`, every text comes with a second one, in the input TEXT_PAIR."""

    def __init__(self, encoder: Encoder, *, pairs: bool) -> None:
        self._encoder = encoder
        self._pairs = pairs

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text or a parameter is not what it must be.
        """
        truncation = choice(parameters_of(request), "truncation", TRUNCATIONS, "truncate")
        texts = texts_of(request, "TEXT")
        if not self._pairs:
            return Ask(list(texts), truncation)
        pairs = zip(texts, texts_of(request, "TEXT_PAIR"), strict=True)
        # An empty pair is none to the pipeline.
        return Ask([(text, pair) if pair else text for text, pair in pairs], truncation)

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [texts, max_length], and TOKEN_COUNT, INT32 [texts, 1]."""
        encoded = self._encoder.encode([line for ask in asks for line in ask.lines])
        ends = list(itertools.accumulate(len(ask.lines) for ask in asks))
        answers: list[Tensors | BadRequest] = []
        for ask, start, end in zip(asks, [0, *ends], ends, strict=False):
            counts = encoded.token_counts[start:end]
            refused = (
                refuse_long("TEXT", counts, self._encoder.max_length) if ask.truncation == "error" else None
            )
            rows = {name: array[start:end] for name, array in encoded.inputs.items()}
            answers.append(refused or {**rows, "TOKEN_COUNT": counts.reshape(-1, 1)})
        return answers
