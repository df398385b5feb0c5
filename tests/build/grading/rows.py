"""Requests for grades to rows: a text is a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..encoding import Encoder  # noqa: TID252 - copied into versions, where only relative imports reach
from ..requests import Tensors, texts_of  # noqa: TID252

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


class Rows:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def read(self, request: pb_utils.InferenceRequest) -> list[str]:
        return texts_of(request, "TEXT")

    def encode(self, asks: Sequence[list[str]]) -> list[Tensors]:
        return [self._encoded(texts) for texts in asks]

    def _encoded(self, texts: list[str]) -> Tensors:
        encoded = self._encoder.encode(texts)
        return {**encoded.inputs, "TOKEN_COUNT": encoded.token_counts.reshape(-1, 1)}
