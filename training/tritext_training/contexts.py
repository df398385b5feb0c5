"""Questions and contexts in windows, and the answers that a model's start and end logits stand for.

The answers are those of transformers' question-answering pipeline (release 4.57, with its default arguments), so that
a checkpoint's own figures are those that it is served with. Knows no metric.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerFast

from tritext.questions import Question
from tritext_training.errors import BadOption

DOC_STRIDE = 128
MOST_QUESTION_TOKENS = 64
MOST_ANSWER_TOKENS = 15
_CANDIDATES = 12
"""Spans of each window that compete: the pipeline's 2 * top_k + 10."""
_LEAST_ROOM = 4
"""Tokens of a window that must be left for what its neighbour does not show."""

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A question with a part of its context.

    `context` says which tokens are the context's; `offsets` are the tokens' characters in it, `[tokens, 2]`, and
    `words` those of the words they belong to.
    """

    row: int
    features: dict[str, Any]
    context: npt.NDArray[np.bool_]
    cls: int
    offsets: Places
    words: Places


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer as it stands in the context, empty for none; the score is a probability."""

    text: str
    score: float


def windows(
    tokenizer: PreTrainedTokenizerFast, rows: Sequence[Question], *, max_length: int, doc_stride: int | None
) -> Iterator[Window]:
    """Each question with its context, in windows that share `doc_stride` tokens; an over-long question loses its end."""
    stride = min(max_length // 2, DOC_STRIDE) if doc_stride is None else doc_stride
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True) - stride - _LEAST_ROOM
    if room < 1:
        expected = f"less, or a greater --max-length: windows of {max_length} tokens must hold question and context too"
        raise BadOption(option="doc-stride", value=stride, expected=expected)
    encoded = tokenizer(
        _shortened(tokenizer, [row.question for row in rows], min(room, MOST_QUESTION_TOKENS)),
        [row.context for row in rows],
        truncation="only_second",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    names = [name for name in tokenizer.model_input_names if name in encoded]
    for number, row in enumerate(encoded["overflow_to_sample_mapping"]):
        offsets = np.array(encoded["offset_mapping"][number])
        context = np.array([part == 1 for part in encoded.sequence_ids(number)])
        ids = encoded["input_ids"][number]
        yield Window(
            row=row,
            features={name: encoded[name][number] for name in names},
            context=context,
            cls=ids.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in ids else 0,
            offsets=offsets,
            words=_words(offsets, encoded.word_ids(number), context),
        )


def _shortened(tokenizer: PreTrainedTokenizerFast, questions: list[str], most: int) -> list[str]:
    offsets = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [
        question[: places[most - 1][1]] if len(places) > most else question
        for question, places in zip(questions, offsets, strict=True)
    ]


def _words(offsets: Places, words: Sequence[int | None], context: npt.NDArray[np.bool_]) -> Places:
    """The characters of the word that each of the context's tokens is in, as far as the window shows it."""
    spans = offsets.copy()
    number = np.array([-1 if word is None else word for word in words])
    _, first, which = np.unique(number[context], return_index=True, return_inverse=True)
    last = np.append(first[1:], context.sum()) - 1
    own = offsets[context]
    if (number[context] >= 0).all():
        spans[context] = np.stack([own[first, 0], own[last, 1]], axis=1)[which]
    return spans


def target(window: Window, row: Question) -> tuple[int, int] | None:
    """First and last token of the answer, the CLS token if the window does not hold it; None if no one knows."""
    places = [(answer.start, answer.text) for answer in row.answers if answer.start is not None]
    if not places:
        return None if row.answers else (window.cls, window.cls)
    start, end = places[0][0], places[0][0] + len(places[0][1])
    (tokens,) = np.nonzero(window.context & (window.offsets[:, 1] > start) & (window.offsets[:, 0] < end))
    if not len(tokens) or window.offsets[tokens[0], 0] > start or window.offsets[tokens[-1], 1] < end:
        return window.cls, window.cls
    return int(tokens[0]), int(tokens[-1])


def best_answers(
    rows: Sequence[Question], windows: Sequence[Window], logits: Sequence[Any], *, may_be_none: bool
) -> list[Answer]:
    """One answer per question; `logits[i]` are start and end logits of `windows[i]`, `[2, its tokens or more]`."""
    scores: list[dict[str, Answer]] = [{} for _ in rows]
    nothing = np.full(len(rows), np.inf)
    for window, both in zip(windows, logits, strict=True):
        start, end = (_shares(window, side) for side in both)
        nothing[window.row] = min(nothing[window.row], start[window.cls] * end[window.cls])
        start[window.cls] = end[window.cls] = 0.0
        for first, last, score in _spans(start, end):
            text = rows[window.row].context[window.words[first, 0] : window.words[last, 1]]
            known = scores[window.row].get(text.lower(), Answer(text=text, score=0.0))
            scores[window.row][text.lower()] = Answer(text=known.text, score=known.score + score)
    none = [[Answer(text="", score=float(score))] if may_be_none else [] for score in nothing]
    return [
        max((*found.values(), *absent), key=lambda answer: answer.score, default=Answer(text="", score=0.0))
        for found, absent in zip(scores, none, strict=True)
    ]


def _shares(window: Window, logits: Any) -> Floats:
    """Softmax over the context's tokens and CLS; 0 elsewhere."""
    own = np.asarray(logits[: len(window.context)], np.float32)
    allowed = window.context.copy()
    allowed[window.cls] = True
    powers = np.where(allowed, np.exp(own - own[allowed].max()), 0.0)
    shares: Floats = powers / powers.sum()
    return shares


def _spans(start: Floats, end: Floats) -> list[tuple[int, int, float]]:
    """The likeliest spans of up to `MOST_ANSWER_TOKENS` tokens: first, last, score."""
    ends = np.pad(end, (0, MOST_ANSWER_TOKENS - 1))
    products = start[:, None] * np.lib.stride_tricks.sliding_window_view(ends, MOST_ANSWER_TOKENS)
    flat = products.ravel()
    best = np.argsort(-flat, kind="stable")[:_CANDIDATES]
    first, further = np.divmod(best[flat[best] > 0], MOST_ANSWER_TOKENS)
    return [
        (int(one), int(one + more), float(products[one, more]))
        for one, more in zip(first, further, strict=True)
    ]
