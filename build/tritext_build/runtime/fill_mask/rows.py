"""Requests for filling masks to rows: every mask token of a text is one row, the text with one place to look at."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
    words,
)

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

ALL_TOKENS = (-1,)
"""Stands for no targets: the whole vocabulary may fill the mask."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for; `target_ids` are the tokens that may fill a mask."""

    texts: list[str]
    truncation: str
    target_ids: Sequence[int]


class Rows:
    """`mask_token` is what texts hold in place of the words that are asked for."""

    def __init__(self, encoder: Encoder, *, mask_token: str) -> None:
        self._encoder = encoder
        self._mask_token = mask_token
        self._mask_token_id = encoder.tokenizer.token_to_id(mask_token)

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text or a parameter is not what it must be.
        """
        texts, parameters = texts_of(request, "TEXT"), parameters_of(request)
        if not texts:
            raise BadRequest("TEXT is empty; send at least one text")
        return Ask(
            texts=texts,
            truncation=choice(parameters, "truncation", TRUNCATIONS, "truncate"),
            target_ids=self._target_ids(parameters),
        )

    def _target_ids(self, parameters: dict[str, Any]) -> Sequence[int]:
        """The tokens that the parameter `targets` names; of what is no token, the first that it is made of.

        Raises:
            BadRequest: It names none.
        """
        if "targets" not in parameters:
            return ALL_TOKENS
        targets = words(parameters, "targets", ())
        found = {token for target in targets if (token := self._target_id(target)) is not None}
        if not found:
            raise BadRequest(
                f"the parameter targets takes words of which a token can be made, not {targets!r}",
                reason="parameter",
            )
        return sorted(found)

    def _target_id(self, target: str) -> int | None:
        tokenizer = self._encoder.tokenizer
        token: int | None = tokenizer.token_to_id(target)
        if token is not None:
            return token
        tokenizer.no_truncation()
        ids: list[int] = tokenizer.encode(target, add_special_tokens=False).ids
        return ids[0] if ids else None

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [rows, max_length], and TOKEN_COUNT, INT32 [texts, 1].

        The model looks at `mask_position`, INT64 [rows, 1]. For the last step: `masks`, INT32 [rows, 2], a row's
        text and position; `token_ids`, INT64 [rows, longest]; `target_ids`, INT64 [rows, targets].
        """
        encoded = self._encoder.encode([text for ask in asks for text in ask.texts])
        lines, positions = np.nonzero(encoded.inputs["input_ids"] == self._mask_token_id)
        masks = np.stack([lines, positions], axis=1)
        ends = list(itertools.accumulate(len(ask.texts) for ask in asks))
        return [
            self._refused(ask, encoded, masks[:, 0], first) or _tensors(ask, encoded, masks, first)
            for ask, first in zip(asks, [0, *ends], strict=False)
        ]

    def _refused(
        self, ask: Ask, encoded: Encoded, lines: npt.NDArray[np.int64], first: int
    ) -> BadRequest | None:
        """A request is refused for a text that is too long, or has no mask token, or one that would be cut off."""
        last, most = first + len(ask.texts), self._encoder.max_length
        if ask.truncation == "error":
            refused = refuse_long("TEXT", encoded.token_counts[first:last], most)
            if refused:
                return refused
        for row, encoding in enumerate(encoded.encodings[first:last]):
            if any(self._mask_token_id in rest.ids for rest in encoding.overflowing):
                return BadRequest(
                    f"TEXT row {row} has a mask token beyond the {most} tokens that this model takes; shorten the text",
                    reason="too_long",
                )
            if first + row not in lines:
                return BadRequest(
                    f"TEXT row {row} has no mask token; write {self._mask_token} where a word is to be filled in"
                )
        return None


def _tensors(ask: Ask, encoded: Encoded, masks: npt.NDArray[np.int64], first: int) -> Tensors:
    """What belongs to a request whose first text is the line `first`; `masks` are those of all requests."""
    start, stop = np.searchsorted(masks[:, 0], (first, first + len(ask.texts)))
    lines, positions = masks[start:stop].T
    longest = max(len(encoded.encodings[line]) for line in lines)
    return {
        **{name: array[lines] for name, array in encoded.inputs.items()},
        "mask_position": positions.reshape(-1, 1),
        "masks": np.stack([lines - first, positions], axis=1).astype(np.int32),
        "token_ids": encoded.inputs["input_ids"][lines, :longest],
        "target_ids": np.tile(np.array(ask.target_ids, np.int64), (len(lines), 1)),
        "TOKEN_COUNT": encoded.token_counts[first : first + len(ask.texts)].reshape(-1, 1),
    }
