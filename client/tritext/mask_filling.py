"""Masked words: what is asked of the ensemble, what its answers mean, and the method. Knows no network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidText
from tritext.items import Field
from tritext.parameters import number, texts, word
from tritext.records import TEXT_COLUMNS
from tritext.results import Filled
from tritext.task import Common, Errors, Task, records_by
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Options(Common, total=False):
    """Keyword arguments of `fill_mask`, all optional.

    Attributes:
        top_k: How many words for each mask, best first. Default 5.
        targets: The words to choose from; default the whole vocabulary.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
    """

    top_k: int | None
    targets: Sequence[str] | None
    truncation: str | None


def _masks(found: list[Any]) -> list[list[Filled]]:
    """The pipeline answers a list of words for one mask, and a list of such lists for several."""
    masks = found if found and isinstance(found[0], list) else [found]
    return [[Filled(**word) for word in mask] for mask in masks]


def _cells(_text: Any, masks: Sequence[Sequence[Filled]]) -> list[tuple[str, ...]]:
    return [(one.token_str, f"{one.score:.4f}", one.sequence) for mask in masks for one in mask]


TASK = Task(
    name="fill-mask",
    fields=(Field(input="TEXT", kind="text", columns=TEXT_COLUMNS),),
    options={"top_k": number, "targets": texts, "truncation": word},
    records=records_by(_masks),
    headings=("word", "score", "sequence"),
    cells=_cells,
)


class MaskFilling:
    """The method of `Client`."""

    _talk: Conversation

    @overload
    def fill_mask(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: str, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[list[Filled]]: ...

    @overload
    def fill_mask(
        self, name: str, texts: Iterable[str], *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[list[list[Filled]]]: ...

    @overload
    def fill_mask(
        self, name: str, texts: Iterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[list[Filled]] | InvalidText]: ...

    def fill_mask(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """Words for the masks in one text, or in each of many.

        Args:
            name: The model.
            texts: One text with the model's mask, such as "[MASK]", or an iterable of texts, as for `classify`.
            errors: As for `classify`.
            **options: `top_k` (words for each mask, best first; default 5), `targets` (the words to choose
                from), `truncation` ("truncate", "error"), `version`, `timeout`, `batch_size`.

        Returns:
            For one text a list for each of its masks, best first; for many a list of such lists of lists.
        """
        return run(self._talk.ask(TASK, name, texts, errors, options))


class AsyncMaskFilling:
    """The method of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def fill_mask(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: str, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[list[Filled]]: ...

    @overload
    async def fill_mask(
        self,
        name: str,
        texts: AnyIterable[str],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[list[Filled]]]: ...

    @overload
    async def fill_mask(
        self, name: str, texts: AnyIterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[list[Filled]] | InvalidText]: ...

    async def fill_mask(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """As `Client.fill_mask`."""
        return await self._talk.ask(TASK, name, texts, errors, options)
