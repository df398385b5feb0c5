"""Text classification: what is asked of the ensemble, what its outputs mean, and the methods. Knows no network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidText, ServerFailed
from tritext.items import Field
from tritext.pairs import FIRST_COLUMNS
from tritext.parameters import number_or_all, word
from tritext.records import PAIR_COLUMNS, TEXT_COLUMNS
from tritext.results import Label
from tritext.task import Arrays, Common, Delivery, Errors, Question, Task, records_by
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack

Text = str | tuple[str, str]
"""A text, or for a model of pairs a text with its pair."""


class Options(Common, total=False):
    """Keyword arguments of `classify`, all optional.

    Attributes:
        top_k: How many labels, best first; "all" or None for every one. Default 1.
        function_to_apply: "softmax", "sigmoid" or "none" in place of the model's own.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
    """

    top_k: int | Literal["all"] | None
    function_to_apply: str | None
    truncation: str | None


TASK = Task(
    name="text-classification",
    fields=(
        Field(input="TEXT", kind="text", columns=(*TEXT_COLUMNS, *FIRST_COLUMNS)),
        Field(input="TEXT_PAIR", kind="text pair", columns=PAIR_COLUMNS, option="pair", optional=True),
    ),
    options={"top_k": number_or_all, "function_to_apply": word, "truncation": word},
    records=records_by(lambda labels: [Label(**label) for label in labels]),
    headings=("label", "score"),
    cells=lambda _text, labels: [(label.label, f"{label.score:.4f}") for label in labels],
)


class Classification:
    """The methods of `Client`."""

    _talk: Conversation

    @overload
    def classify(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: Text, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[Label]: ...

    @overload
    def classify(
        self,
        name: str,
        texts: Iterable[Text],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Label]]: ...

    @overload
    def classify(
        self, name: str, texts: Iterable[Text], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[Label] | InvalidText]: ...

    def classify(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """The labels of one text, or of many.

        Args:
            name: The model.
            texts: One text, or an iterable of texts. Many travel in requests of at most the model's
                `max_batch_size` rows, `in_flight` of them at once. For a model of pairs, a text is a tuple of two.
            errors: "raise" ends the call with the `InvalidText` of the first bad text, "return" puts it into
                the place of that text's answer and goes on.
            **options: `top_k` (labels for each text, best first; "all" or None for every one; default 1),
                `function_to_apply` ("softmax", "sigmoid", "none"), `truncation` ("truncate", or "error" to
                refuse texts that are too long), `version`, `timeout` (seconds for each request), `batch_size`.

        Returns:
            For one text its `Label`s, best first; for many a list of such lists, in the order of the texts.
        """
        return run(self._talk.ask(TASK, name, texts, errors, options))

    def probabilities(
        self,
        name: str,
        texts: Text | Iterable[Text],
        *,
        truncation: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """The probabilities of all labels, in the order of `labels`.

        Returns:
            FP32 [texts, labels]; for one text FP32 [labels].
        """
        return run(
            self._talk.table(_probabilities(name, version, truncation), texts, Delivery(timeout=timeout))
        )

    def labels(self, name: str, *, version: str | int = "") -> tuple[str, ...]:
        """The names of a model's labels in the order of `probabilities`; the model answers one text for it."""
        return run(_label_names(self._talk, name, version))


class AsyncClassification:
    """The methods of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def classify(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: Text, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[Label]: ...

    @overload
    async def classify(
        self,
        name: str,
        texts: AnyIterable[Text],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> list[list[Label]]: ...

    @overload
    async def classify(
        self, name: str, texts: AnyIterable[Text], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[Label] | InvalidText]: ...

    async def classify(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """As `Client.classify`."""
        return await self._talk.ask(TASK, name, texts, errors, options)

    async def probabilities(
        self,
        name: str,
        texts: Text | AnyIterable[Text],
        *,
        truncation: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """As `Client.probabilities`."""
        return await self._talk.table(
            _probabilities(name, version, truncation), texts, Delivery(timeout=timeout)
        )

    async def labels(self, name: str, *, version: str | int = "") -> tuple[str, ...]:
        """As `Client.labels`."""
        return await _label_names(self._talk, name, version)


def _probabilities(model: str, version: str | int, truncation: str | None) -> Question:
    return TASK.asking(
        model,
        {"truncation": truncation},
        outputs=("PROBABILITIES",),
        decode=lambda arrays: list(arrays["PROBABILITIES"]),
        version=version,
    )


async def _label_names(talk: Conversation, model: str, version: str | int) -> tuple[str, ...]:
    """The names of a model's labels in the order of PROBABILITIES.

    By Triton's classification extension, on the answer to an arbitrary text:
    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
    """
    numbers = await talk.output(_probabilities(model, version, None))
    question = TASK.asking(
        model, {}, outputs=(numbers.name,), decode=_names, version=version, classes=numbers.shape[-1]
    )
    is_of_pairs = (await talk.catalogue.known(model, version)).input("TEXT_PAIR")
    names: tuple[str, ...] = await talk.answer(
        question, ("labels", "names") if is_of_pairs else "labels", Delivery()
    )
    return names


def _names(arrays: Arrays) -> Sequence[tuple[str, ...]]:
    """Each row holds "value:index:label", best first."""
    try:
        return [
            tuple(label for _, label in sorted(_indexed(entry) for entry in row))
            for row in np.atleast_2d(arrays["PROBABILITIES"])
        ]
    except ValueError as error:
        raise ServerFailed(f"its classification extension gave no labels ({error})") from error


def _indexed(entry: bytes) -> tuple[int, str]:
    _, index, label = entry.decode().split(":", 2)
    return int(index), label
