"""Logits of tokens to the answers that `transformers.pipeline("token-classification")` gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..functions import Floats, softmax
from ..requests import Tensors, array_of, as_results, choice, parameters_of, texts_of, words
from ..vocabulary import FILE, Vocabulary
from .entities import AGGREGATION_STRATEGIES, Entity, Tagset, grouped_entities, merged, tagged_tokens
from .words import Indices, Tokens, Words

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

IGNORED = ("O",)
"""The pipeline's default for `ignore_labels`."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for.

    Attributes:
        logits: FP32 [rows, length, labels]; the length is that of the longest row the model ran with.
        tokens: INT32 [rows, longest, 3], ids, starts and ends; the longest row is this request's.
        lines: INT32 [rows], the text of each row.
    """

    texts: list[str]
    logits: Floats
    tokens: Indices
    lines: Indices
    aggregation_strategy: str
    ignore_labels: list[str]


class Answers:
    """`labels` by output index; the unknown token, if the vocabulary has one, reads as the text it stands for."""

    def __init__(
        self, *, labels: Sequence[str], unk_token_id: int | None = None, tokenizer: Path = FILE
    ) -> None:
        self._tagset = Tagset(labels)
        self._words = Words(Vocabulary.from_file(tokenizer), unk_token_id=unk_token_id)

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A parameter is not what it must be.
        """
        parameters = parameters_of(request)
        return Ask(
            texts=texts_of(request, "TEXT"),
            logits=array_of(request, "logits"),
            tokens=array_of(request, "tokens"),
            lines=array_of(request, "lines").reshape(-1),
            aggregation_strategy=choice(parameters, "aggregation_strategy", AGGREGATION_STRATEGIES, "none"),
            ignore_labels=words(parameters, "ignore_labels", IGNORED),
        )

    def answer(self, ask: Ask) -> Tensors:
        """RESULT: for each text its entities in their order, as JSON."""
        windows: list[list[list[Entity]]] = [[] for _ in ask.texts]
        for row, line in enumerate(ask.lines):
            windows[line].append(self._entities(ask, row))
        return {"RESULT": as_results([merged(each) for each in windows])}

    def _entities(self, ask: Ask, row: int) -> list[Entity]:
        """Of one row; a row without text has none."""
        tokens = Tokens.of_row(ask.texts[ask.lines[row]], ask.tokens[row])
        if not len(tokens.ids):
            return []
        scores = softmax(ask.logits[row, tokens.positions])
        if ask.aggregation_strategy == "none":
            return tagged_tokens(
                tokens, scores, words=self._words, tagset=self._tagset, ignored=ask.ignore_labels
            )
        return grouped_entities(
            tokens,
            scores,
            ask.aggregation_strategy,
            words=self._words,
            tagset=self._tagset,
            ignored=ask.ignore_labels,
        )
