"""Requests for zero-shot classification to rows: a text with the hypothesis of one candidate label is a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..encoding import Encoder
from ..requests import TRUNCATIONS, BadRequest, Tensors, choice, parameters_of, refuse_long, texts_of
from .hypotheses import DEFAULT_TEMPLATE, candidate_labels, hypotheses

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for."""

    text: str
    hypotheses: list[str]
    truncation: str


class Rows:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text, a label or a parameter is not what it must be.
        """
        parameters = parameters_of(request)
        labels = candidate_labels(texts_of(request, "CANDIDATE_LABELS"))
        return Ask(
            text=texts_of(request, "TEXT")[0],
            hypotheses=hypotheses(parameters.get("hypothesis_template", DEFAULT_TEMPLATE), labels),
            truncation=choice(parameters, "truncation", TRUNCATIONS, "truncate"),
        )

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [labels, max_length], and TOKEN_COUNT, INT32 [labels]."""
        return [self._without_room(ask) or self._encoded(ask) for ask in asks]

    def _without_room(self, ask: Ask) -> BadRequest | None:
        """Only the text is cut, never a hypothesis, so that one that leaves it no token is refused."""
        tokenizer = self._encoder.tokenizer
        tokenizer.no_truncation()
        lengths = [
            len(each) for each in tokenizer.encode_batch_fast(ask.hypotheses, add_special_tokens=False)
        ]
        row = int(np.argmax(lengths))
        room = self._encoder.max_length - self._encoder.special_tokens[True]
        if lengths[row] < room:
            return None
        return BadRequest(
            f"CANDIDATE_LABELS row {row} makes a hypothesis of {lengths[row]} tokens, which leaves TEXT none of the "
            f"{room} that this model takes; shorten the label or the parameter hypothesis_template",
            reason="too_long",
        )

    def _encoded(self, ask: Ask) -> Tensors | BadRequest:
        lines = [(ask.text, hypothesis) for hypothesis in ask.hypotheses]
        encoded = self._encoder.encode(lines, truncate="only_first")
        counts, most = encoded.token_counts, self._encoder.max_length
        refused = (
            refuse_long("TEXT with CANDIDATE_LABELS", counts, most) if ask.truncation == "error" else None
        )
        return refused or {**encoded.inputs, "TOKEN_COUNT": counts}
