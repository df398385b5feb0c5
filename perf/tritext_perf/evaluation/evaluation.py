"""What the evaluation of a task is: data, answers to them, and how good the answers are.

Knows neither network nor model: answers come from whatever is asked, a server or the checkpoint itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tritext.results import ServedModel

Figures = dict[str, float]


class Ask(Protocol):
    """Whoever answers: the client's method for the task, bound to a model, or a checkpoint that answers as it does."""

    def __call__(self, items: Iterable[Any], **options: Any) -> Iterator[Any]:
        """One record of `tritext.results` (or array) for each item; `options` are the method's keyword arguments."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """The model that is measured; `labels` are those of its PROBABILITIES, none if it has no such output."""

    model: ServedModel
    labels: tuple[str, ...] = ()

    @property
    def takes_pairs(self) -> bool:
        return self.model.input("TEXT_PAIR") is not None


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user says of the data and of how the model is asked.

    Attributes:
        columns: The columns that were named, by what they hold, such as "text" or "label".
        threshold: Several labels a row: the score from which one counts.
        hypothesis_template: Zero-shot: as the pipeline's; its own if None.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    label_separator: str | None = None
    threshold: float = 0.5
    hypothesis_template: str | None = None

    def named(self, *kinds: str) -> dict[str, str | None]:
        """Keyword arguments of a reader: `text_column` and so on."""
        return {f"{kind}_column": self.columns.get(kind) for kind in kinds}

    @property
    def truth_column(self) -> str | None:
        """That of labels or of numbers, by whichever option it was named."""
        return self.columns.get("label", self.columns.get("score"))


@dataclass(frozen=True, kw_only=True)
class Evaluation(ABC):
    """One task on one file of data, whose answers it keeps in a form of its own.

    Attributes:
        task: Hugging Face's name.
        columns: The columns that can be named.
        noun: What an item is called.
        path: The file.
        items: What is asked about; each gets one answer.
    """

    task: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    noun: ClassVar[str] = "texts"
    path: Path
    items: Sequence[Any]

    @classmethod
    @abstractmethod
    def read(cls, path: Path, served: Served, options: Options) -> "Evaluation":
        """The evaluation of the served model on a file.

        Raises:
            TritextError: The data are not usable, or not for this model.
        """

    @abstractmethod
    def answers(self, ask: Ask) -> Iterator[Any]:
        """What is answered to each of the items, as it comes."""

    @abstractmethod
    def overall(self, answers: Sequence[Any]) -> Figures:
        """The task's metrics, of the answers to all items."""

    def per_label(self, answers: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ARG002
        """Label, precision, recall, F1 and support of each label, where a task has any."""
        return []

    @abstractmethod
    def agreement(self, served: Sequence[Any], original: Sequence[Any]) -> Figures:
        """How far two sets of answers are the same: shares, and the largest difference of a score."""


def share(same: Sequence[bool]) -> float:
    """How many of them, from 0 to 1."""
    return sum(same) / len(same) if same else 1.0


def largest_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two rows of numbers."""
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)
