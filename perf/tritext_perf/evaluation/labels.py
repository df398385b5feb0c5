"""Labels of rows as indices: from truths and probabilities to what `tritext.metrics.classification` compares."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tritext.errors import TritextError
from tritext.metrics.classification import Indicator, above, overall, per_label

__all__ = [
    "DifferentLabels",
    "Probabilities",
    "UnknownLabels",
    "check_labels",
    "decide",
    "overall",
    "per_label",
    "score",
    "truth_of",
]

Probabilities = npt.NDArray[np.float32]
"""FP32 [rows, labels]."""

_SHOWN = 5


class UnknownLabels(TritextError):
    """The data name labels that the model does not have."""

    def __init__(self, *, path: Path | None, unknown: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(
            f"{path or 'The data'} has labels that the model does not know: {_listed(unknown)}; "
            f"the model's labels are {_listed(known)}."
        )


class DifferentLabels(TritextError):
    """Two models that are to be compared do not have the same labels."""

    def __init__(self, *, served: Sequence[str], original: Sequence[str]) -> None:
        only = sorted(set(served) ^ set(original))
        super().__init__(
            f"The served model and the checkpoint have different labels ({_listed(only)} in only one of them): "
            "evaluate the checkpoint it was built from."
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


def check_labels(truth: Sequence[Sequence[str]], labels: Sequence[str], *, path: Path | None = None) -> None:
    """Refuse a truth with labels that are not the model's.

    Raises:
        UnknownLabels: With the labels; `path` names the file of the truth.
    """
    if unknown := sorted({label for row in truth for label in row} - set(labels)):
        raise UnknownLabels(path=path, unknown=unknown, known=labels)


def truth_of(truth: Sequence[Sequence[str]], labels: Sequence[str], *, multi_label: bool) -> Indicator:
    """The true labels of each row as indices [rows], or as 0 and 1 [rows, labels] where a row has any number.

    Raises:
        UnknownLabels: Some are not among `labels`.
    """
    check_labels(truth, labels)
    position = {label: index for index, label in enumerate(labels)}
    if not multi_label:
        return np.array([position[label] for (label,) in truth], np.int64)
    expected = np.zeros((len(truth), len(labels)), np.int64)
    for row, names in enumerate(truth):
        expected[row, [position[name] for name in names]] = 1
    return expected


def decide(probabilities: Probabilities, *, multi_label: bool, threshold: float = 0.5) -> Indicator:
    """The labels that probabilities stand for: the most probable one, or all that reach `threshold`."""
    if multi_label:
        return above(probabilities, threshold)
    best: Indicator = probabilities.argmax(axis=-1).astype(np.int64)
    return best


def score(
    truth: Sequence[Sequence[str]],
    probabilities: Probabilities,
    labels: Sequence[str],
    *,
    multi_label: bool = False,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Accuracy and F1 of `probabilities` [rows, labels] against the true labels of each row.

    Raises:
        UnknownLabels: The truth has labels that are not among `labels`.
    """
    given = decide(probabilities, multi_label=multi_label, threshold=threshold)
    return overall(truth_of(truth, labels, multi_label=multi_label), given)
