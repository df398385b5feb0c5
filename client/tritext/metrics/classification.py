"""How good labels are, in scikit-learn's figures. Knows label indices, no texts and no model.

scikit-learn is imported where it is used: it takes a second, which no command should wait for that measures nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Indicator = npt.NDArray[np.int64]
"""Labels as INT64: `[rows]` of label indices (one label a row) or `[rows, labels]` of 0 and 1 (any number)."""

_GRID = np.arange(0.05, 0.96, 0.05)


def overall(expected: Indicator, predicted: Indicator) -> dict[str, float]:
    """Accuracy (of whole rows, if they hold several labels) and F1: macro, micro, weighted."""
    from sklearn.metrics import accuracy_score, f1_score  # noqa: PLC0415

    averages = ("macro", "micro", "weighted")
    f1 = {
        f"{name}_f1": float(f1_score(expected, predicted, average=name, zero_division=0)) for name in averages
    }
    return {"accuracy": float(accuracy_score(expected, predicted)), **f1}


def per_label(expected: Indicator, predicted: Indicator, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support (rows that have the label) of each label, in the labels' order."""
    from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415

    columns = precision_recall_fscore_support(
        expected, predicted, labels=range(len(labels)), average=None, zero_division=0
    )
    rows = zip(labels, *columns, strict=True)
    return [
        {"label": label, "precision": float(p), "recall": float(r), "f1": float(f1), "support": int(support)}
        for label, p, r, f1, support in rows
    ]


def confusion(expected: Indicator, predicted: Indicator, labels: Sequence[str]) -> list[Any]:
    """One label a row: `[expected][predicted]` counts. Several: per label `[[tn, fp], [fn, tp]]`."""
    from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix  # noqa: PLC0415

    if expected.ndim == 1:
        counts = confusion_matrix(expected, predicted, labels=range(len(labels)))
    else:
        counts = multilabel_confusion_matrix(expected, predicted, labels=range(len(labels)))
    result: list[Any] = counts.tolist()
    return result


def best_threshold(expected: Indicator, probabilities: npt.NDArray[np.float32]) -> float:
    """The threshold, in steps of 0.05, at which macro-F1 is best; of equals the one nearest to 0.5."""

    def quality(threshold: float) -> tuple[float, float]:
        return overall(expected, above(probabilities, threshold))["macro_f1"], -abs(threshold - 0.5)

    return round(float(max(_GRID, key=quality)), 2)


def above(probabilities: npt.NDArray[np.float32], threshold: float) -> Indicator:
    """1 where a label's probability reaches the threshold."""
    return (probabilities >= threshold).astype(np.int64)
