"""How good answers are: a task's metrics over probabilities, and how far two sets of them agree.

Knows labels and numbers, in scikit-learn's figures; knows no server and no model.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from tritext.errors import TritextError

Decisions = npt.NDArray[np.int64]
"""INT64 [rows] of label indices where each row has one label, [rows, labels] of 0 and 1 where it has any number."""

Probabilities = npt.NDArray[np.float32]
"""FP32 [rows, labels]."""

_SHOWN = 5


class UnknownLabels(TritextError):
    """The data name labels that the model does not have."""

    def __init__(self, *, path: Path | None, unknown: Sequence[str], known: Sequence[str]) -> None:
        def listed(names: Sequence[str]) -> str:
            return ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")

        super().__init__(
            f"{path or 'The data'} has labels that the model does not know: {listed(unknown)}; "
            f"the model's labels are {listed(known)}."
        )


class DifferentLabels(TritextError):
    """Two models that are to be compared do not have the same labels."""

    def __init__(self, *, served: Sequence[str], original: Sequence[str]) -> None:
        only = sorted(set(served) ^ set(original))
        super().__init__(
            f"The served model and the checkpoint have different labels ({', '.join(map(repr, only[:_SHOWN]))}"
            f"{', …' if len(only) > _SHOWN else ''} in only one of them): evaluate the checkpoint it was built from."
        )


@dataclass(frozen=True, kw_only=True)
class LabelScores:
    """One label's figures; `support` is the number of rows that truly have it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A task's metrics, each from 0 to 1.

    Attributes:
        accuracy: The share of rows whose labels are all right.
        macro_f1: The mean of the labels' F1, over the labels that occur in the truth or the answers.
        micro_f1: F1 over all decisions; with one label a row it equals the accuracy.
    """

    rows: int
    accuracy: float
    macro_f1: float
    micro_f1: float
    labels: tuple[LabelScores, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the answers of a served model are those of its original."""

    labels: float
    """The share of rows with the same decision."""
    largest_difference: float
    """Of any probability of any row."""


def score(
    truth: Sequence[Sequence[str]],
    probabilities: Probabilities,
    labels: Sequence[str],
    *,
    multi_label: bool = False,
    threshold: float = 0.5,
) -> Metrics:
    """The metrics of `probabilities` [rows, labels] against the true labels of each row.

    With one label a row the most probable label counts, with any number all that reach `threshold`.

    Raises:
        UnknownLabels: The truth has labels that are not among `labels`.
    """
    expected = _expected(truth, labels, multi_label=multi_label)
    given = decide(probabilities, multi_label=multi_label, threshold=threshold)
    columns = precision_recall_fscore_support(
        expected, given, labels=range(len(labels)), average=None, zero_division=0
    )
    return Metrics(
        rows=len(truth),
        accuracy=float(accuracy_score(expected, given)),
        macro_f1=float(f1_score(expected, given, average="macro", zero_division=0)),
        micro_f1=float(f1_score(expected, given, average="micro", zero_division=0)),
        labels=tuple(
            LabelScores(label=label, precision=float(p), recall=float(r), f1=float(f1), support=int(support))
            for label, p, r, f1, support in zip(labels, *columns, strict=True)
        ),
    )


def decide(probabilities: Probabilities, *, multi_label: bool, threshold: float = 0.5) -> Decisions:
    """The labels that probabilities stand for."""
    if multi_label:
        return (probabilities >= threshold).astype(np.int64)
    best: Decisions = probabilities.argmax(axis=-1).astype(np.int64)
    return best


def agreement(
    served: Probabilities, original: Probabilities, *, multi_label: bool, threshold: float = 0.5
) -> Agreement:
    """Compare the probabilities of the same texts, each [rows, labels] with the labels in the same order."""
    one, other = (
        decide(each, multi_label=multi_label, threshold=threshold).reshape(len(each), -1)
        for each in (served, original)
    )
    return Agreement(
        labels=float((one == other).all(axis=1).mean()),
        largest_difference=float(np.abs(served - original).max()),
    )


def reordered(
    probabilities: Probabilities, *, original: Sequence[str], served: Sequence[str]
) -> Probabilities:
    """Columns in the order of `original` brought into the order of `served`; both hold the same labels."""
    position = {label: index for index, label in enumerate(original)}
    columns: Probabilities = probabilities[:, [position[label] for label in served]]
    return columns


def check_labels(truth: Sequence[Sequence[str]], labels: Sequence[str], *, path: Path | None = None) -> None:
    """Refuse a truth with labels that are not the model's.

    Raises:
        UnknownLabels: With the labels; `path` names the file of the truth.
    """
    if unknown := sorted({label for row in truth for label in row} - set(labels)):
        raise UnknownLabels(path=path, unknown=unknown, known=labels)


def check_same_labels(original: Sequence[str], served: Sequence[str]) -> None:
    """Refuse to compare two models of different labels.

    Raises:
        DifferentLabels: With the labels that only one of them has.
    """
    if sorted(original) != sorted(served):
        raise DifferentLabels(served=served, original=original)


def _expected(truth: Sequence[Sequence[str]], labels: Sequence[str], *, multi_label: bool) -> Decisions:
    check_labels(truth, labels)
    position = {label: index for index, label in enumerate(labels)}
    if not multi_label:
        return np.array([position[label] for (label,) in truth], np.int64)
    expected = np.zeros((len(truth), len(labels)), np.int64)
    for row, names in enumerate(truth):
        expected[row, [position[name] for name in names]] = 1
    return expected
