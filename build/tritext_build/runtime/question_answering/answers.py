"""Logits of windows to the answers that transformers' pipeline for question answering gives.

The rules are those of QuestionAnsweringPipeline in transformers 4.57, the last line of releases that has it:
https://huggingface.co/docs/transformers/v4.57.1/main_classes/pipelines#transformers.QuestionAnsweringPipeline
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..functions import Floats
from ..requests import BadRequest, Tensors, array_of, as_results, flag, parameters_of, texts_of, whole_number
from .spans import NO_WORD

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

MOST_ANSWERS = 1_000
"""The largest `top_k`; what a request costs grows with it."""

MASKED = np.float32(-10_000)
"""The logit of tokens that cannot be in an answer."""

Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of one context, in their order.

    Attributes:
        start_logits: FP32 [windows, columns], with at least as many columns as the longest window has tokens.
        end_logits: The same.
        answerable: INT32 [windows, longest], 1 for tokens that may be in an answer.
        offsets: INT32 [windows, longest, 2], characters of the context.
        word_offsets: The same of the token's word, or negative.
    """

    start_logits: Floats
    end_logits: Floats
    answerable: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int32]
    word_offsets: npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The pipeline's arguments of these names; `max_answer_len` is in tokens."""

    top_k: int = 1
    max_answer_len: int = 15
    handle_impossible_answer: bool = False
    align_to_words: bool = True


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for."""

    context: str
    windows: Windows
    wish: Wish


class Answers:
    """Needs no settings."""

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A parameter is not what it must be.
        """
        (context,) = texts_of(request, "CONTEXT")
        names = ("start_logits", "end_logits", "answerable", "offsets", "word_offsets")
        return Ask(
            context=context,
            windows=Windows(**{name: array_of(request, name) for name in names}),
            wish=read_wish(parameters_of(request)),
        )

    def answer(self, ask: Ask) -> Tensors:
        """RESULT [1]: the best answer as JSON, or a list of them where there are several."""
        answers = best_answers(ask.context, ask.windows, ask.wish)
        return {"RESULT": as_results([answers[0] if len(answers) == 1 else answers]).reshape(1)}


def read_wish(parameters: dict[str, Any]) -> Wish:
    """The wish that a request's parameters say.

    Raises:
        BadRequest: One is not what it must be.
    """
    top_k = whole_number(parameters, "top_k", Wish.top_k, least=1)
    if top_k > MOST_ANSWERS:
        raise BadRequest(f"the parameter top_k takes at most {MOST_ANSWERS}, not {top_k}", reason="parameter")
    return Wish(
        top_k=top_k,
        max_answer_len=whole_number(parameters, "max_answer_len", Wish.max_answer_len, least=1),
        handle_impossible_answer=flag(parameters, "handle_impossible_answer", Wish.handle_impossible_answer),
        align_to_words=flag(parameters, "align_to_words", Wish.align_to_words),
    )


def best_answers(context: str, windows: Windows, wish: Wish) -> list[Answer]:
    """Up to `top_k` answers, best first; equal ones, whatever their case, are one with the sum of their scores.

    Spans of no probability at all are no answers; the pipeline fills up with an arbitrary choice of them.
    Where nothing else is left, as in a context of spaces, the one answer is empty.
    """
    starts = probabilities(windows.start_logits, windows.answerable)
    ends = probabilities(windows.end_logits, windows.answerable)
    impossible = _answer(context, float((starts[:, 0] * ends[:, 0]).min()), 0, 0)
    starts[:, 0] = ends[:, 0] = 0
    found: dict[str, Answer] = {}
    for score, start, end in _candidates(starts, ends, windows, wish):
        same = found.setdefault(context[start:end].lower(), _answer(context, 0.0, start, end))
        same["score"] += score
    answers = [*found.values(), *([impossible] if wish.handle_impossible_answer else [])]
    ranked = sorted(answers, key=lambda answer: answer["score"], reverse=True)
    return ranked[: wish.top_k] or [_answer(context, 0.0, 0, 0)]


def _answer(context: str, score: float, start: int, end: int) -> Answer:
    return {"score": score, "start": start, "end": end, "answer": context[start:end]}


def _candidates(
    starts: Floats, ends: Floats, windows: Windows, wish: Wish
) -> Iterator[tuple[float, int, int]]:
    """Score, first character and the one behind the last, of each window's best spans, window by window."""
    # Several spans of tokens can be one span of words, so the pipeline looks at more of them.
    count = wish.top_k * 2 + 10 if wish.align_to_words else wish.top_k
    for row in range(len(starts)):
        first, last, scores = best_spans(starts[row], ends[row], count=count, longest=wish.max_answer_len)
        characters = span_characters(
            windows.offsets[row], windows.word_offsets[row] if wish.align_to_words else None, first, last
        )
        yield from zip(scores.tolist(), *characters.T.tolist(), strict=True)


def probabilities(logits: Floats, answerable: npt.NDArray[np.int32]) -> Floats:
    """Of each window's tokens [windows, longest], the probability among those that may be in an answer."""
    allowed = answerable.astype(bool)
    masked = np.where(allowed, logits[:, : allowed.shape[1]], MASKED)
    exponentials = np.exp(masked - masked.max(axis=-1, keepdims=True))
    result: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True) * allowed
    return result


def best_spans(
    start: Floats, end: Floats, *, count: int, longest: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """The `count` likeliest spans of at most `longest` tokens: first tokens, last tokens and scores, best first.

    A span's score is the product of its two probabilities. The best `count` spans begin at no more than `count`
    tokens, those whose own best span is likeliest; so the square of all spans is never made.
    """
    longest = min(longest, len(start))
    padded = np.concatenate([end, np.zeros(longest, end.dtype)])
    reachable: Floats = np.lib.stride_tricks.sliding_window_view(padded, longest)[: len(start)]
    best = np.argsort(-start * reachable.max(axis=-1), kind="stable")[:count]
    beginnings = np.sort(best)
    scores = (start[beginnings, None] * reachable[beginnings]).ravel()
    chosen = np.argsort(-scores, kind="stable")[:count]
    chosen = chosen[scores[chosen] > 0]
    first = beginnings[chosen // longest]
    return first, first + chosen % longest, scores[chosen]


def span_characters(
    offsets: npt.NDArray[np.int32],
    word_offsets: npt.NDArray[np.int32] | None,
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
) -> npt.NDArray[np.int32]:
    """Characters [spans, 2] of spans of tokens: from word to word, or of the tokens where one end is in no word."""
    plain: npt.NDArray[np.int32] = np.stack([offsets[first, 0], offsets[last, 1]], axis=-1)
    if word_offsets is None:
        return plain
    whole = np.stack([word_offsets[first, 0], word_offsets[last, 1]], axis=-1)
    in_words: npt.NDArray[np.bool_] = (whole != NO_WORD).all(axis=-1, keepdims=True)
    return np.where(in_words, whole, plain)
