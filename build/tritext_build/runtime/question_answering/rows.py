"""Requests for question answering to rows: a question with its context is one row, or one for each window of a long context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..encoding import Encoder
from ..requests import BadRequest, Tensors, choice, parameters_of, texts_of, whole_number
from .spans import spans_of

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

TRUNCATIONS = ("window", "truncate", "error")
USUAL_LENGTH, USUAL_STRIDE, USUAL_QUESTION = 384, 128, 64
"""The pipeline's defaults for `max_seq_len`, `doc_stride` and `max_question_len`."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks; all lengths are in tokens.

    Attributes:
        max_seq_len: The longest row, special tokens included.
        doc_stride: What neighbouring windows share.
        max_question_len: The longest question, special tokens not included.
    """

    question: str
    context: str
    max_seq_len: int
    doc_stride: int
    max_question_len: int
    truncation: str


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of an ask before anything is cut."""

    question: int
    context: int
    special: int

    @property
    def together(self) -> int:
        return self.question + self.context + self.special

    def room(self, max_seq_len: int) -> int:
        """Tokens that a row has for the context."""
        return max_seq_len - self.question - self.special

    def windows(self, ask: Ask) -> int:
        """Rows that the context makes, which must not fit into one."""
        room = self.room(ask.max_seq_len)
        return 1 + -(-(self.context - room) // (room - ask.doc_stride))


class Rows:
    """`question_first` where the checkpoint pads on the right; `cls_token_id` where it has such a token."""

    def __init__(
        self, encoder: Encoder, *, cls_token_id: int | None, question_first: bool, most_windows: int
    ) -> None:
        self._encoder = encoder
        self._cls_token_id = cls_token_id
        self._question_first = question_first
        self._most_windows = most_windows

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text or a parameter is not what it must be.
        """
        parameters = parameters_of(request)
        most = self._encoder.max_length
        length = whole_number(parameters, "max_seq_len", min(most, USUAL_LENGTH), least=1)
        if length > most:
            raise BadRequest(
                f"the parameter max_seq_len takes at most this model's {most} tokens, not {length}",
                reason="parameter",
            )
        return Ask(
            question=_text(request, "QUESTION"),
            context=_text(request, "CONTEXT"),
            max_seq_len=length,
            doc_stride=whole_number(parameters, "doc_stride", min(length // 2, USUAL_STRIDE)),
            max_question_len=whole_number(parameters, "max_question_len", USUAL_QUESTION, least=1),
            truncation=choice(parameters, "truncation", TRUNCATIONS, "window"),
        )

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [windows, max_length], TOKEN_COUNT, INT32 [1], and its spans.

        TOKEN_COUNT counts the question, the whole context and the special tokens of one row.
        """
        return [self._tensors(ask) for ask in asks]

    def _tensors(self, ask: Ask) -> Tensors | BadRequest:
        lengths = self._lengths(ask)
        if mistake := refuse(ask, lengths, most_windows=self._most_windows):
            return BadRequest(mistake, reason="too_long")
        windows = ask.truncation == "window" and lengths.together > ask.max_seq_len
        question_first = self._question_first
        encoded = self._encoder.encode(
            [(ask.question, ask.context) if question_first else (ask.context, ask.question)],
            max_length=ask.max_seq_len,
            truncate="only_second" if question_first else "only_first",
            stride=ask.doc_stride if windows else None,
            offsets=True,
        )
        spans = spans_of(encoded.encodings, cls_token_id=self._cls_token_id, question_first=question_first)
        return {**encoded.inputs, **spans, "TOKEN_COUNT": np.array([lengths.together], np.int32)}

    def _lengths(self, ask: Ask) -> Lengths:
        tokenizer = self._encoder.tokenizer
        tokenizer.no_truncation()
        question, context = tokenizer.encode_batch_fast([ask.question, ask.context], add_special_tokens=False)
        return Lengths(
            question=len(question), context=len(context), special=self._encoder.special_tokens[True]
        )


def _text(request: pb_utils.InferenceRequest, name: str) -> str:
    (text,) = texts_of(request, name)
    if not text:
        raise BadRequest(f"{name} is empty; question answering takes a question and a context to look in")
    return text


def refuse(ask: Ask, lengths: Lengths, *, most_windows: int) -> str | None:
    """Why an ask cannot become rows, in one sentence, if it cannot.

    `doc_stride` matters only where there are windows, as for the pipeline.
    """
    if lengths.question > ask.max_question_len:
        return (
            f"QUESTION has {lengths.question} tokens, more than max_question_len allows ({ask.max_question_len}); "
            f"shorten it, or send the parameter max_question_len"
        )
    if lengths.together <= ask.max_seq_len:
        return None
    if ask.truncation == "error":
        return (
            f"QUESTION and CONTEXT have {lengths.together} tokens, more than max_seq_len allows "
            f"({ask.max_seq_len}); shorten them, or send the parameter truncation='window'"
        )
    room = lengths.room(ask.max_seq_len)
    if room < 1:
        return (
            f"max_seq_len ({ask.max_seq_len}) leaves no token for CONTEXT beside the {lengths.question} of "
            f"QUESTION and {lengths.special} special ones; shorten the question, or send a larger max_seq_len"
        )
    return _refuse_windows(ask, lengths, most_windows) if ask.truncation == "window" else None


def _refuse_windows(ask: Ask, lengths: Lengths, most: int) -> str | None:
    room = lengths.room(ask.max_seq_len)
    if ask.doc_stride >= room:
        return (
            f"doc_stride ({ask.doc_stride}) must be smaller than the {room} tokens that a window has for CONTEXT; "
            f"send a smaller doc_stride, a larger max_seq_len or a shorter question"
        )
    if (windows := lengths.windows(ask)) > most:
        return (
            f"CONTEXT makes {windows} windows, more than the {most} that one request may have; "
            f"split it, or send a smaller doc_stride or a larger max_seq_len"
        )
    return None
