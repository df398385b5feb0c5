"""Zero-shot classification: what is asked of the ensemble, what its answers mean, and the method. Knows no network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidText
from tritext.items import Field
from tritext.parameters import flag, word
from tritext.records import TEXT_COLUMNS
from tritext.results import ZeroShot
from tritext.task import Common, Errors, Task, records_by, shared
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack

Text = str | tuple[str, Sequence[str]]
"""A text, or a text with its own candidate labels."""


class Options(Common, total=False):
    """Keyword arguments of `classify_zero_shot`, all optional.

    Attributes:
        hypothesis_template: The sentence that a label is put into, at "{}". Default "This example is {}.".
        multi_label: Whether each label is judged by itself, so that scores do not sum to 1. Default False.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
    """

    hypothesis_template: str | None
    multi_label: bool | None
    truncation: str | None


def _scored(found: dict[str, Any]) -> ZeroShot:
    return ZeroShot(sequence=found["sequence"], labels=tuple(found["labels"]), scores=tuple(found["scores"]))


def _cells(_text: Any, scored: ZeroShot) -> list[tuple[str, ...]]:
    return [(label, f"{score:.4f}") for label, score in zip(scored.labels, scored.scores, strict=True)]


TASK = Task(
    name="zero-shot-classification",
    fields=(
        Field(input="TEXT", kind="text", columns=(*TEXT_COLUMNS, "sequence", "premise")),
        Field(
            input="CANDIDATE_LABELS",
            many=True,
            kind="labels",
            columns=("candidate_labels", "labels"),
            option="labels",
            separator=",",
        ),
    ),
    options={"hypothesis_template": word, "multi_label": flag, "truncation": word},
    records=records_by(_scored),
    headings=("label", "score"),
    cells=_cells,
)


class ZeroShotClassification:
    """The method of `Client`."""

    _talk: Conversation

    @overload
    def classify_zero_shot(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self,
        name: str,
        texts: Text,
        candidate_labels: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> ZeroShot: ...

    @overload
    def classify_zero_shot(
        self,
        name: str,
        texts: Iterable[Text],
        candidate_labels: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[ZeroShot]: ...

    @overload
    def classify_zero_shot(
        self,
        name: str,
        texts: Iterable[Text],
        candidate_labels: Sequence[str] | None = None,
        *,
        errors: Literal["return"],
        **options: "Unpack[Options]",
    ) -> list[ZeroShot | InvalidText]: ...

    def classify_zero_shot(
        self, name: str, texts: Any, candidate_labels: Any = None, *, errors: Errors = "raise", **options: Any
    ) -> Any:
        """How well labels that the model has never seen fit one text, or each of many.

        Args:
            name: The model, one that was trained to tell entailment.
            texts: One text or an iterable of texts; without `candidate_labels` as tuples (text, labels).
            candidate_labels: The labels to choose from.
            errors: As for `classify`.
            **options: `hypothesis_template` (a sentence with "{}" for the label; default "This example is {}."),
                `multi_label` (each label by itself), `truncation` ("truncate", "error"), `version`, `timeout`.

        Returns:
            For one text all its labels with their scores, best first; for many a list of such.
        """
        return run(self._talk.ask(TASK, name, texts, errors, options, shared=shared(candidate_labels)))


class AsyncZeroShotClassification:
    """The method of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def classify_zero_shot(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self,
        name: str,
        texts: Text,
        candidate_labels: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> ZeroShot: ...

    @overload
    async def classify_zero_shot(
        self,
        name: str,
        texts: AnyIterable[Text],
        candidate_labels: Sequence[str] | None = None,
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[ZeroShot]: ...

    @overload
    async def classify_zero_shot(
        self,
        name: str,
        texts: AnyIterable[Text],
        candidate_labels: Sequence[str] | None = None,
        *,
        errors: Literal["return"],
        **options: "Unpack[Options]",
    ) -> list[ZeroShot | InvalidText]: ...

    async def classify_zero_shot(
        self, name: str, texts: Any, candidate_labels: Any = None, *, errors: Errors = "raise", **options: Any
    ) -> Any:
        """As `Client.classify_zero_shot`."""
        return await self._talk.ask(TASK, name, texts, errors, options, shared=shared(candidate_labels))
