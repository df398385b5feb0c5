"""Token classification: what is asked of the ensemble, what its answers mean, and the method. Knows no network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidText
from tritext.items import Field
from tritext.parameters import number, texts, word
from tritext.records import TEXT_COLUMNS
from tritext.results import Entity
from tritext.task import Common, Errors, Task, records_by
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Options(Common, total=False):
    """Keyword arguments of `tag`, all optional.

    Attributes:
        aggregation_strategy: "none" answers tokens (the default), "simple", "first", "average" and "max" spans.
        ignore_labels: Labels that are left out. Default ["O"].
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them, "window" reads
            them in overlapping windows.
        stride: Tokens by which windows overlap; giving it means windows.
    """

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] | None
    ignore_labels: Sequence[str] | None
    truncation: str | None
    stride: int | None


def _entity(found: dict[str, Any]) -> Entity:
    label = found.get("entity_group", found.get("entity"))
    named = {name: found.get(name) for name in ("score", "word", "start", "end", "index")}
    return Entity(label=label, **named)  # type: ignore[arg-type] # JSON


def _cells(_text: Any, entities: Sequence[Entity]) -> list[tuple[str, ...]]:
    return [(e.label, f"{e.score:.4f}", e.word, str(e.start), str(e.end)) for e in entities]


TASK = Task(
    name="token-classification",
    fields=(Field(input="TEXT", kind="text", columns=TEXT_COLUMNS),),
    options={"aggregation_strategy": word, "ignore_labels": texts, "truncation": word, "stride": number},
    records=records_by(lambda entities: [_entity(found) for found in entities]),
    headings=("entity", "score", "word", "start", "end"),
    cells=_cells,
)


class Tagging:
    """The method of `Client`."""

    _talk: Conversation

    @overload
    def tag(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: str, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[Entity]: ...

    @overload
    def tag(
        self, name: str, texts: Iterable[str], *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[list[Entity]]: ...

    @overload
    def tag(
        self, name: str, texts: Iterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[Entity] | InvalidText]: ...

    def tag(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """The entities in one text, or in each of many.

        Args:
            name: The model.
            texts: One text, or an iterable of texts, as for `classify`.
            errors: As for `classify`.
            **options: `aggregation_strategy` ("none" answers tokens, "simple", "first", "average" and "max"
                spans; default "none"), `ignore_labels` (default ["O"]), `truncation` ("truncate", "error", or
                "window" for texts of any length), `stride` (tokens by which windows overlap; giving it means
                windows), `version`, `timeout`, `batch_size`.

        Returns:
            For one text its entities in the order of the text; for many a list of such lists.
        """
        return run(self._talk.ask(TASK, name, texts, errors, options))


class AsyncTagging:
    """The method of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def tag(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: str, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[Entity]: ...

    @overload
    async def tag(
        self,
        name: str,
        texts: AnyIterable[str],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Entity]]: ...

    @overload
    async def tag(
        self, name: str, texts: AnyIterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[Entity] | InvalidText]: ...

    async def tag(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """As `Client.tag`."""
        return await self._talk.ask(TASK, name, texts, errors, options)
