"""Question answering: what is asked of the ensemble, what its answers mean, and the method. Knows no network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidText
from tritext.items import Field
from tritext.parameters import flag, number, word
from tritext.results import Answer
from tritext.task import Common, Errors, Task, records_by, shared
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack

Question = str | tuple[str, str]
"""A question, or a question with its own context."""


class Options(Common, total=False):
    """Keyword arguments of `answer`, all optional; numbers are tokens.

    Attributes:
        top_k: How many answers, best first. Default 1.
        doc_stride: By how much the windows of a long context overlap. Default min(max_seq_len // 2, 128).
        max_seq_len: The longest window, question and special tokens included. Default min(max_length, 384).
        max_question_len: The longest question. Default 64.
        max_answer_len: The longest answer. Default 15.
        handle_impossible_answer: Whether "no answer" may be one, as in SQuAD 2. Default False.
        align_to_words: Whether answers are whole words. Default True.
        truncation: "window" reads a context of any length in windows (the default), "truncate" cuts it, "error"
            refuses it.
    """

    top_k: int | None
    doc_stride: int | None
    max_seq_len: int | None
    max_question_len: int | None
    max_answer_len: int | None
    handle_impossible_answer: bool | None
    align_to_words: bool | None
    truncation: str | None


def _answers(found: Any) -> list[Answer]:
    """The pipeline answers a dictionary for one answer, and a list of them for several."""
    return [Answer(**answer) for answer in (found if isinstance(found, list) else [found])]


def _cells(_question: Any, answers: Sequence[Answer]) -> list[tuple[str, ...]]:
    return [(a.answer, f"{a.score:.4f}", str(a.start), str(a.end)) for a in answers]


TASK = Task(
    name="question-answering",
    fields=(
        Field(input="QUESTION", kind="question", columns=("question", "query"), option="question"),
        Field(
            input="CONTEXT",
            kind="context",
            columns=("context", "passage", "document", "text"),
            option="context",
        ),
    ),
    options={
        **dict.fromkeys(("top_k", "doc_stride", "max_seq_len", "max_question_len", "max_answer_len"), number),
        "handle_impossible_answer": flag,
        "align_to_words": flag,
        "truncation": word,
    },
    records=records_by(_answers),
    headings=("answer", "score", "start", "end"),
    cells=_cells,
)


class Answering:
    """The method of `Client`."""

    _talk: Conversation

    @overload
    def answer(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self,
        name: str,
        questions: Question,
        context: str | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[Answer]: ...

    @overload
    def answer(
        self,
        name: str,
        questions: Iterable[Question],
        context: str | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Answer]]: ...

    @overload
    def answer(
        self,
        name: str,
        questions: Iterable[Question],
        context: str | None = None,
        *,
        errors: Literal["return"],
        **options: "Unpack[Options]",
    ) -> list[list[Answer] | InvalidText]: ...

    def answer(
        self, name: str, questions: Any, context: Any = None, *, errors: Errors = "raise", **options: Any
    ) -> Any:
        """Answers out of a context to one question, or to each of many.

        Args:
            name: The model.
            questions: One question or an iterable of questions; without `context` as tuples (question, context).
            context: What to look for the answers in, of any length.
            errors: As for `classify`.
            **options: `top_k` (answers to each question, best first; default 1), `doc_stride`, `max_seq_len`,
                `max_question_len`, `max_answer_len` (in tokens), `handle_impossible_answer` (an empty answer
                stands for none), `align_to_words`, `truncation` ("window", "truncate", "error"), `version`,
                `timeout`.

        Returns:
            For one question its answers, best first; for many a list of such lists.
        """
        return run(self._talk.ask(TASK, name, questions, errors, options, shared=shared(context)))


class AsyncAnswering:
    """The method of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def answer(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self,
        name: str,
        questions: Question,
        context: str | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[Answer]: ...

    @overload
    async def answer(
        self,
        name: str,
        questions: AnyIterable[Question],
        context: str | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Answer]]: ...

    @overload
    async def answer(
        self,
        name: str,
        questions: AnyIterable[Question],
        context: str | None = None,
        *,
        errors: Literal["return"],
        **options: "Unpack[Options]",
    ) -> list[list[Answer] | InvalidText]: ...

    async def answer(
        self, name: str, questions: Any, context: Any = None, *, errors: Errors = "raise", **options: Any
    ) -> Any:
        """As `Client.answer`."""
        return await self._talk.ask(TASK, name, questions, errors, options, shared=shared(context))
