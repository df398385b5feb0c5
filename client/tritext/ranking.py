"""Text ranking: what is asked of the ensemble, what its answers mean, and the methods. Knows no network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidText
from tritext.items import Field
from tritext.pairs import PASSAGE_COLUMNS, QUERY_COLUMNS
from tritext.parameters import number, word
from tritext.results import Ranked
from tritext.task import Common, Delivery, Errors, Question, Task, records_by, shared
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack

Query = str | tuple[str, Sequence[str]]
"""A query, or a query with its own texts."""


class Options(Common, total=False):
    """Keyword arguments of `rank`, all optional.

    Attributes:
        top_k: How many texts, best first. Default all.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
    """

    top_k: int | None
    truncation: str | None


def _cells(item: Any, ranked: Sequence[Ranked]) -> list[tuple[str, ...]]:
    _, texts = item
    return [(str(one.corpus_id), f"{one.score:.4f}", texts[one.corpus_id]) for one in ranked]


TASK = Task(
    name="text-ranking",
    fields=(
        Field(input="QUERY", kind="query", columns=QUERY_COLUMNS, option="query"),
        Field(
            input="TEXTS",
            many=True,
            kind="text",
            columns=("texts", "passages", "documents", *PASSAGE_COLUMNS),
        ),
    ),
    options={"top_k": number, "truncation": word},
    records=records_by(lambda ranked: [Ranked(**one) for one in ranked]),
    headings=("number", "score", "text"),
    cells=_cells,
)


class Ranking:
    """The methods of `Client`."""

    _talk: Conversation

    @overload
    def rank(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self,
        name: str,
        queries: Query,
        texts: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[Ranked]: ...

    @overload
    def rank(
        self,
        name: str,
        queries: Iterable[Query],
        texts: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Ranked]]: ...

    @overload
    def rank(
        self,
        name: str,
        queries: Iterable[Query],
        texts: Sequence[str] | None = None,
        *,
        errors: Literal["return"],
        **options: "Unpack[Options]",
    ) -> list[list[Ranked] | InvalidText]: ...

    def rank(
        self, name: str, queries: Any, texts: Any = None, *, errors: Errors = "raise", **options: Any
    ) -> Any:
        """Texts by how well they fit one query, or each of many.

        Args:
            name: The model, a cross-encoder.
            queries: One query or an iterable of queries; without `texts` as tuples (query, texts).
            texts: The texts to rank, at most 256.
            errors: As for `classify`.
            **options: `top_k` (texts for each query, best first; default all), `truncation` ("truncate",
                "error"), `version`, `timeout`.

        Returns:
            For one query its texts by their positions, best first; for many a list of such lists.
        """
        return run(self._talk.ask(TASK, name, queries, errors, options, shared=shared(texts)))

    def relevances(
        self,
        name: str,
        query: str,
        texts: Sequence[str],
        *,
        truncation: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """The scores of `rank` in the order of the texts: FP32 [texts]."""
        question = _relevances(name, truncation, version)
        return run(self._talk.table(question, (query, texts), Delivery(timeout=timeout)))


class AsyncRanking:
    """The methods of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def rank(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self,
        name: str,
        queries: Query,
        texts: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[Ranked]: ...

    @overload
    async def rank(
        self,
        name: str,
        queries: AnyIterable[Query],
        texts: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Ranked]]: ...

    @overload
    async def rank(
        self,
        name: str,
        queries: AnyIterable[Query],
        texts: Sequence[str] | None = None,
        *,
        errors: Literal["return"],
        **options: "Unpack[Options]",
    ) -> list[list[Ranked] | InvalidText]: ...

    async def rank(
        self, name: str, queries: Any, texts: Any = None, *, errors: Errors = "raise", **options: Any
    ) -> Any:
        """As `Client.rank`."""
        return await self._talk.ask(TASK, name, queries, errors, options, shared=shared(texts))

    async def relevances(
        self,
        name: str,
        query: str,
        texts: Sequence[str],
        *,
        truncation: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """As `Client.relevances`."""
        question = _relevances(name, truncation, version)
        return await self._talk.table(question, (query, texts), Delivery(timeout=timeout))


def _relevances(model: str, truncation: str | None, version: str | int) -> Question:
    return TASK.asking(
        model,
        {"truncation": truncation},
        outputs=("SCORES",),
        decode=lambda arrays: list(arrays["SCORES"]),
        version=version,
    )
