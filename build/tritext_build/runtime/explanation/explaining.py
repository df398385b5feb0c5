"""From a text to what each of its words adds to a label's logit. Knows rows of tokens; sees the network as a function.

A word that is absent has the mask token in the place of each of its tokens, so that lengths and positions stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encoding import Encoded, Encoder, Line
from ..functions import FUNCTIONS, Floats
from ..requests import BadRequest, Tensors, as_results, refuse_long
from .asking import Ask
from .shapley import Effort, Game, Shares, Teams, shares
from .words import Word, grouped, membership, words_of

Network = Callable[[dict[str, npt.NDArray[np.int64]]], Floats]
"""From the model's inputs, INT64 [rows, max_length], to its logits, FP32 [rows, labels]."""

USUAL_ROWS = 512
"""Rows that the network computes for an explanation, unless a request says how many orders it wants."""

MOST_ROWS = 4096
"""A request that would take more is refused, since others wait behind it."""

MOST_WORDS = 64
"""The words of a longer text are taken together with their neighbours."""

INPUTS = ("TEXT", "TEXT_PAIR")


class Explainer:
    """Explains one model version.

    Args:
        encoder: The version's own.
        labels: By output index.
        function_to_apply: What makes scores of logits.
        absent_token_id: What stands in the place of the tokens of an absent word.
    """

    def __init__(
        self, encoder: Encoder, *, labels: Sequence[str], function_to_apply: str, absent_token_id: int
    ) -> None:
        self._encoder = encoder
        self._labels = labels
        self._function = function_to_apply
        self._absent = absent_token_id

    def explain(self, ask: Ask, network: Network) -> Tensors | BadRequest:
        """RESULT, a JSON document, and TOKEN_COUNT of the text that is asked about."""
        encoded = self._encoder.encode([ask.line], offsets=True)
        counts = encoded.token_counts
        if ask.truncation == "error" and (refused := refuse_long("TEXT", counts, self._encoder.max_length)):
            return refused
        texts = _texts(ask.line)
        words = grouped(words_of(encoded.encodings[0], texts), MOST_WORDS)
        effort = Effort.of(len(words), teams=USUAL_ROWS, orders=ask.samples)
        if effort.teams(len(words)) > MOST_ROWS:
            return _too_much(len(words), ask.samples)
        document = self._explained(ask, encoded, words, effort, network)
        return {"RESULT": as_results([document]), "TOKEN_COUNT": counts.reshape(-1, 1)}

    def _explained(
        self, ask: Ask, encoded: Encoded, words: list[Word], effort: Effort, network: Network
    ) -> dict[str, Any]:
        logits = network(encoded.inputs)[0]
        label = int(logits.argmax()) if ask.label is None else ask.label
        value = float(logits[label])
        game = Game(len(words), self._worth(encoded, words, label, network), of_all=value)
        found = shares(game, len(words), effort)
        return {
            "label": self._labels[label],
            "score": float(FUNCTIONS[self._function](logits)[label]),
            "value": value,
            "baseline": game.of_none,
            "attributions": _attributions(words, found, _texts(ask.line)),
            "truncated": bool(encoded.token_counts[0] > self._encoder.max_length),
            "exact": effort.exact,
            "samples": 0 if effort.exact else effort.orders,
            "error": found.error,
            "rows": found.teams,
        }

    def _worth(
        self, encoded: Encoded, words: list[Word], label: int, network: Network
    ) -> Callable[[Teams], Any]:
        """The label's logit of teams of words."""
        members = membership(words, self._encoder.max_length)

        def worth(teams: Teams) -> npt.NDArray[np.float64]:
            absent = np.zeros((len(teams), self._encoder.max_length), np.bool_)
            absent[:, members >= 0] = ~teams[:, members[members >= 0]]
            rows = {name: np.repeat(array, len(teams), axis=0) for name, array in encoded.inputs.items()}
            rows["input_ids"][absent] = self._absent
            return network(rows)[:, label].astype(np.float64)

        return worth


def _texts(line: Line) -> tuple[str, ...]:
    return (line,) if isinstance(line, str) else line


def _attributions(words: list[Word], found: Shares, texts: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "word": texts[word.side][word.start : word.end],
            "start": word.start,
            "end": word.end,
            "attribution": attribution,
            **({"input": INPUTS[word.side]} if len(texts) > 1 else {}),
        }
        for word, attribution in zip(words, found.values.tolist(), strict=True)
    ]


def _too_much(words: int, samples: int | None) -> BadRequest:
    most = (MOST_ROWS - 2) // (words - 1) // 2 * 2
    return BadRequest(
        f"the parameter samples takes at most {most} for this text, not {samples}: each sample is up to {words - 1} rows "
        f"for the model, which computes {MOST_ROWS} of them for an explanation at most"
    )
