"""How a classifier's result is shown: figures per label, what was confused with what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tritext_training import figures
from tritext_training.sections import Column, Section, Shown, figure, percent

SHOWN_CONFUSIONS = 15
_WIDE = 25
"""With more labels than this the matrix is wider than a page."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The figures of one evaluation. Without a threshold, every row has exactly one label."""

    labels: Sequence[str]
    validation: dict[str, float]
    test: dict[str, float]
    per_label: Sequence[dict[str, Any]]
    confusion: Sequence[Any]
    train_counts: dict[str, int]
    threshold: float | None

    @property
    def single(self) -> bool:
        return self.threshold is None


def shown(outcome: Outcome, comparison: Mapping[str, Mapping[str, float]]) -> Shown:
    """The outcome as people read it; `comparison` holds the figures of student and teacher, if there is a teacher."""
    test = outcome.test
    keys = [
        (figure(test["macro_f1"]), "macro-F1, test"),
        (percent(test["accuracy"]), "accuracy, test" if outcome.single else "rows all right, test"),
        (figure(test["micro_f1"]), "micro-F1, test"),
        (figure(test["weighted_f1"]), "weighted F1, test"),
        (figure(outcome.validation["macro_f1"]), "macro-F1, validation"),
    ]
    if not outcome.single:
        keys.append((str(outcome.threshold), "threshold, chosen by the validation rows or given"))
    sections = [_labels(outcome), *([_confusion(outcome)] if outcome.single else [])]
    return Shown(key_figures=keys, sections=[*([_taught(comparison)] if comparison else []), *sections])


def _taught(comparison: Mapping[str, Mapping[str, float]]) -> Section:
    rows = [
        {"model": name, **figures, "size": f"{figures['bytes'] / 1e6:.0f} MB"}
        for name, figures in comparison.items()
    ]
    return Section(
        title="Student and teacher",
        note="Rows a second of both on this machine, on the same test rows in turn.",
        columns=(
            Column(title="model", key="model", kind="name"),
            Column(title="layers", key="layers"),
            Column(title="parameters", key="parameters"),
            Column(title="size", key="size", kind="name"),
            Column(title="rows per second", key="rows_per_second"),
            Column(title="macro-F1", key="macro_f1"),
            Column(title="accuracy", key="accuracy"),
        ),
        rows=rows,
        slim=True,
    )


def _labels(outcome: Outcome) -> Section:
    rows = []
    for index, row in enumerate(outcome.per_label):
        wrong, missed = _errors(outcome, index, row["support"])
        trained = outcome.train_counts[row["label"]]
        rows.append({**row, "wrong": wrong, "missed": missed, "trained": trained})
    return Section(
        title="Labels",
        columns=(
            Column(title="label", key="label", kind="name"),
            Column(title="F1", key="f1", kind="bar"),
            Column(title="precision", key="precision"),
            Column(title="recall", key="recall"),
            Column(title="test rows", key="support"),
            Column(title="missed", key="missed"),
            Column(title="wrongly given", key="wrong"),
            Column(title="training rows", key="trained"),
        ),
        rows=sorted(rows, key=lambda row: float(row["f1"])),
    )


def _errors(outcome: Outcome, index: int, support: int) -> tuple[int, int]:
    """How many rows got the label wrongly, and how many should have got it."""
    if outcome.single:
        hits = outcome.confusion[index][index]
        return sum(line[index] for line in outcome.confusion) - hits, support - hits
    (_, wrong), (missed, _) = outcome.confusion[index]
    return wrong, missed


def _confusion(outcome: Outcome) -> Section:
    note = "Rows are the expected labels, columns the predicted ones; the darker, the larger the share of the row."
    if len(outcome.labels) > figures.MOST_LABELS:
        note += f" Shown are the {figures.MOST_LABELS} labels with the most errors."
    return Section(
        title="Confusion",
        columns=(
            Column(title="rows", key="rows"),
            Column(title="expected", key="expected", kind="name"),
            Column(title="predicted", key="predicted", kind="name"),
        ),
        rows=_worst_confusions(outcome.confusion, outcome.labels),
        slim=True,
        empty="No row was confused.",
        picture=figures.confusion(outcome.confusion, outcome.labels),
        picture_note=note,
        alt="Confusion matrix",
        wide=len(outcome.labels) > _WIDE,
    )


def _worst_confusions(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = [
        {"rows": count, "expected": labels[row], "predicted": labels[column]}
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: pair["rows"], reverse=True)[:SHOWN_CONFUSIONS]
