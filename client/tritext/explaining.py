"""Why a served classifier says what it says: what is asked of the model NAME_explain, its answers as records, and the methods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from tritext.blocking import run
from tritext.classification import TASK as CLASSIFICATION
from tritext.classification import Text
from tritext.conversation import Conversation
from tritext.failures import ClientError, IncompatibleModel, InvalidText, ModelNotFound
from tritext.parameters import number, word
from tritext.task import Common, Errors, Task, records_by
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribution:
    """What one word (of a long text, several neighbours) adds to the label's logit: its Shapley value.

    Attributes:
        word: As the text has it.
        start: Where it begins in the text, in characters; `text[start:end]` is what the text says there.
        end: Where it ends.
        attribution: How much the logit rises with it, on average over the orders in which words can be uncovered.
        input: "TEXT", or "TEXT_PAIR" for a word of the pair.
    """

    word: str
    start: int
    end: int
    attribution: float
    input: str = "TEXT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why the model says `label`, or why not. The attributions' sum is `value - baseline`.

    Attributes:
        label: The label that is explained.
        score: Its score, as `classify` gives it.
        value: Its logit; of a model that answers a number, the number.
        baseline: The same with every word masked.
        attributions: Of each word, in the order of the text (and then of its pair).
        truncated: Whether the text was longer than the model reads; what was cut off has no attributions.
        exact: Whether every set of words was tried; else attributions are estimates.
        samples: The orders of words that estimates rest on.
        error: The largest standard error of an attribution; None where too few orders were tried to tell.
        rows: How many rows the network computed.
    """

    label: str
    score: float
    value: float
    baseline: float
    attributions: tuple[Attribution, ...]
    truncated: bool
    exact: bool
    samples: int
    error: float | None
    rows: int


class Options(Common, total=False):
    """Keyword arguments of `explain`, all optional.

    Attributes:
        label: The label to explain; the best one if not given.
        samples: In how many orders words are uncovered; about 512 rows' worth if not given.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
    """

    label: str | None
    samples: int | None
    truncation: str | None


class NotExplained(ClientError):
    """The model is served, but nothing that explains it."""

    def __init__(self, *, name: str, version: str | int = "") -> None:
        self.name = name
        which = f"{name!r} version {version}" if version else repr(name)
        super().__init__(
            f"The server cannot explain {which}: it has no model {f'{name}_explain'!r} for it. "
            f"Build a version with `tritext build … --explain`."
        )


def _read(document: Mapping[str, Any]) -> Explanation:
    attributions = tuple(Attribution(**entry) for entry in document["attributions"])
    return Explanation(**{**document, "attributions": attributions})


TASK = Task(
    name="explanation",
    fields=CLASSIFICATION.fields,
    options={"label": word, "samples": number, "truncation": word},
    records=records_by(_read),
    headings=("word", "attribution"),
    cells=lambda _text, found: [(one.word, f"{one.attribution:+.4f}") for one in found.attributions],
)


class Explaining:
    """The method of `Client`."""

    _talk: Conversation

    @overload
    def explain(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: Text, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> Explanation: ...

    @overload
    def explain(
        self,
        name: str,
        texts: Iterable[Text],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[Explanation]: ...

    @overload
    def explain(
        self, name: str, texts: Iterable[Text], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[Explanation | InvalidText]: ...

    def explain(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """What each word of a text, or of many, adds to the answer of a classifier that was built with `--explain`.

        Args:
            name: The classifier.
            texts: One text, or an iterable of texts; for a model of pairs, a text is a tuple of two.
            errors: As for `classify`.
            **options: `label` (the label to explain; the best one if not given), `samples` (in how many orders
                words are uncovered, where they are too many to try every set of them; about 512 rows' worth if not
                given), `truncation` ("truncate", or "error" to refuse texts that are too long), `version`,
                `timeout` (seconds for each text).

        Returns:
            For one text its `Explanation`; for many a list of them, in the order of the texts.

        Raises:
            NotExplained: The model was built without `--explain`.
        """
        return run(_explained(self._talk, name, texts, errors, options))


class AsyncExplaining:
    """The method of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def explain(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: Text, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> Explanation: ...

    @overload
    async def explain(
        self,
        name: str,
        texts: AnyIterable[Text],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[Explanation]: ...

    @overload
    async def explain(
        self, name: str, texts: AnyIterable[Text], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[Explanation | InvalidText]: ...

    async def explain(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """As `Client.explain`."""
        return await _explained(self._talk, name, texts, errors, options)


async def _explained(
    talk: Conversation, name: str, texts: Any, errors: Errors, options: Mapping[str, Any]
) -> Any:
    sibling = f"{name}_explain"
    try:
        return await talk.ask(TASK, sibling, texts, errors, options)
    except ModelNotFound as error:
        if error.name != sibling:
            raise
        version = options.get("version", "")
        model = await talk.catalogue.known(name, version)
        if model.task != CLASSIFICATION.name:
            got = f"one for {model.task}" if model.task else "a model without a task"
            raise IncompatibleModel(
                name=name, expected=f"a model for {CLASSIFICATION.name}", got=got
            ) from error
        raise NotExplained(name=name, version=version) from error
