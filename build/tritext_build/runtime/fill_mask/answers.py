"""Logits at masks to the answers that `transformers.pipeline("fill-mask")` gives.

See https://huggingface.co/docs/transformers/main_classes/pipelines, class FillMaskPipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..functions import Floats, softmax
from ..requests import BadRequest, Tensors, array_of, as_results, parameters_of, whole_number
from ..vocabulary import FILE, Vocabulary

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

TOP_K = 5
"""The pipeline's default for `top_k`."""

MOST_FILLINGS = 10_000
"""Each is a text of its own: all words of a vocabulary in every mask would keep the step busy for minutes."""

CLEAN_UPS = {
    " .": ".",
    " ?": "?",
    " !": "!",
    " ,": ",",
    " ' ": "'",
    " n't": "n't",
    " 'm": "'m",
    " 's": "'s",
    " 've": "'ve",
    " 're": "'re",
}
"""What transformers' tokenizers replace, in this order, where `clean_up_tokenization_spaces` is set."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for: the best `top_k` tokens for each mask, each mask a row.

    Attributes:
        logits: FP32 [rows, vocabulary], of the place of the mask.
        masks: INT32 [rows, 2], the text that a row belongs to and the mask's place in it.
        token_ids: INT64 [rows, longest], the text's tokens, special ones and padding included.
        target_ids: INT64 [targets], the tokens that may fill the mask; None for all.
    """

    logits: Floats
    masks: npt.NDArray[np.int32]
    token_ids: npt.NDArray[np.int64]
    target_ids: npt.NDArray[np.int64] | None
    top_k: int


class Answers:
    """With `clean_up`, spaces before marks of English punctuation go; the pad token never shows in a text."""

    def __init__(self, *, pad_token_id: int, clean_up: bool = False, tokenizer: Path = FILE) -> None:
        self._pad_token_id = pad_token_id
        self._clean_up = clean_up
        self._vocabulary = Vocabulary.from_file(tokenizer)

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A parameter is not what it must be, or more is asked than can be answered at once.
        """
        targets = array_of(request, "target_ids")[0]
        ask = Ask(
            logits=array_of(request, "logits"),
            masks=array_of(request, "masks"),
            token_ids=array_of(request, "token_ids"),
            target_ids=None if targets[0] < 0 else targets,
            top_k=whole_number(parameters_of(request), "top_k", TOP_K, least=1),
        )
        if (asked := len(ask.masks) * min(ask.top_k, ask.logits.shape[1])) > MOST_FILLINGS:
            raise BadRequest(
                f"this request asks for {asked} fillings, and {MOST_FILLINGS} are answered at once; "
                f"lower the parameter top_k, or send fewer texts",
                reason="too_many_rows",
            )
        return ask

    def answer(self, ask: Ask) -> Tensors:
        """RESULT: for each text the best tokens of its mask, or of each of its masks, as JSON."""
        lines = ask.masks[:, 0]
        alone = np.bincount(lines) == 1
        texts: list[list[Any]] = [[] for _ in alone]
        for row, line in enumerate(lines):
            texts[line].append(self._fillings(ask, row, skip_special=bool(alone[line])))
        return {"RESULT": as_results([text[0] if len(text) == 1 else text for text in texts])}

    def _fillings(self, ask: Ask, row: int, *, skip_special: bool) -> list[dict[str, Any]]:
        """Special tokens stay in texts of several masks, since the other masks are some."""
        ids, place = ask.token_ids[row], ask.masks[row, 1]
        before, after = (
            self._vocabulary.strings(part[part != self._pad_token_id].tolist(), skip_special=skip_special)
            for part in (ids[:place], ids[place + 1 :])
        )
        best, scores = best_tokens(ask.logits[row], ask.target_ids, ask.top_k)
        return [
            {
                "score": score,
                "token": token,
                "token_str": self._read(self._vocabulary.strings([token])),
                "sequence": self._read([*before, *self._filling(token, skip_special=skip_special), *after]),
            }
            for token, score in zip(best.tolist(), scores.tolist(), strict=True)
        ]

    def _filling(self, token: int, *, skip_special: bool) -> list[str]:
        return (
            []
            if token == self._pad_token_id
            else self._vocabulary.strings([token], skip_special=skip_special)
        )

    def _read(self, strings: list[str]) -> str:
        text = self._vocabulary.join(strings)
        for before, after in CLEAN_UPS.items() if self._clean_up else ():
            text = text.replace(before, after)
        return text


def best_tokens(
    logits: Floats, targets: npt.NDArray[np.int64] | None, top_k: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The `top_k` tokens of highest score, best first, and their scores; `logits` are FP32 [vocabulary].

    Targets compete for their places only: their scores are those that they have in the whole vocabulary.
    """
    scores = softmax(logits)
    candidates = np.arange(len(scores)) if targets is None else targets
    if top_k < len(candidates):
        # Sorting a whole vocabulary takes ten times as long.
        least = np.partition(scores[candidates], -top_k)[-top_k]
        candidates = candidates[scores[candidates] >= least]
    best = candidates[np.argsort(-scores[candidates], kind="stable")[:top_k]]
    return best, scores[best]
