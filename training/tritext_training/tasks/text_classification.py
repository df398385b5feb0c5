"""Text classification: reads texts or pairs with what is to be learnt of them, and tells what that is.

Labels are `text_labels`', numbers `text_regression`'s. The rule, unless `--problem-type` says otherwise: several
labels a row are multi-label; numbers, one of them with a fraction, are a regression; all else is single-label.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tritext.checkpoints import sha256
from tritext.console import err
from tritext.pairs import open_pairs
from tritext.records import LabelledRows, natural_order, open_labelled_texts
from tritext_training.distilling import Teacher, open_teacher
from tritext_training.errors import BadOption, MixedLabelling, TooFewLabels, UnseenLabels
from tritext_training.label_names import label_names
from tritext_training.options import MULTI_LABEL, REGRESSION, SINGLE_LABEL, TrainingOptions
from tritext_training.shelf import Shelf
from tritext_training.splits import by_label, divide
from tritext_training.tasks import Task, text_regression
from tritext_training.tasks.text_labels import Row, TextLabels


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A file's rows on their shelf, and what labels they have."""

    path: Path
    rows: Shelf[Row]
    labels: tuple[str, ...]
    """Every label that occurs, whole numbers by value before words by alphabet."""
    multi_label: bool
    text_column: str
    label_column: str


def open_task(options: TrainingOptions) -> Task:
    """Read the files, check that labels agree, and draw the splits."""
    if options.problem_type == REGRESSION or options.score_column is not None:
        return text_regression.open_task(options)
    data = _read(options.data, options)
    if options.problem_type is None and _are_measurements(data):
        err.print(
            f"The labels in {options.data} are numbers with fractions: learning to predict the number "
            f"(--problem-type {SINGLE_LABEL} makes them classes).",
            highlight=False,
            soft_wrap=True,
        )
        return text_regression.open_task(replace(options, score_column=data.label_column))
    return _labels_task(data, options)


def _are_measurements(data: Labelled) -> bool:
    """Whether all labels are numbers and one has a fraction; whole numbers more often name classes."""
    if data.multi_label:
        return False
    try:
        numbers = [float(label) for label in data.labels]
    except ValueError:
        return False
    return all(map(math.isfinite, numbers)) and not all(number.is_integer() for number in numbers)


def _labels_task(data: Labelled, options: TrainingOptions) -> TextLabels:
    if len(data.labels) < (1 if data.multi_label else 2):
        raise TooFewLabels(path=options.data, labels=data.labels)
    given = _read(options.eval_data, options) if options.eval_data else None
    if given:
        _check_agreement(data, given)
    if options.threshold is not None and not data.multi_label:
        raise BadOption(
            option="threshold", value=options.threshold, expected="data with several labels per row"
        )

    labels = label_names(options.label_names).ordered(data.labels)
    return TextLabels(
        labels=labels,
        teacher=_teacher(options, labels, multi_label=data.multi_label),
        class_weights=options.class_weights,
        multi_label=data.multi_label,
        threshold=options.threshold,
        parts=divide(
            data.rows,
            given.rows if given else None,
            by_label(lambda row: row.labels, path=data.path),
            options=options,
        ),
        sources={"data": _source(data, options), "eval_data": _source(given, options) if given else None},
    )


def _read(path: Path, options: TrainingOptions) -> Labelled:
    found = _opened(path, options)
    if options.problem_type == SINGLE_LABEL and found.multi_label:
        expected = f"one label per row in {path}, or {MULTI_LABEL}"
        raise BadOption(option="problem-type", value=SINGLE_LABEL, expected=expected)
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Row]:
        names = label_names(options.label_names)
        for text, pair, labels in found:
            row = Row(text=text, pair=pair, labels=tuple(names.name_of(label, path=path) for label in labels))
            counts.update(row.labels)
            yield row

    shelf = Shelf(Row, rows())
    return Labelled(
        path=path,
        rows=shelf,
        labels=tuple(sorted(counts, key=natural_order)),
        multi_label=found.multi_label or options.problem_type == MULTI_LABEL,
        text_column=str(found.columns.names[0]),
        label_column=str(found.columns.names[-1]),
    )


def _opened(path: Path, options: TrainingOptions) -> LabelledRows:
    given = {
        "text_column": options.text_column,
        "label_column": options.label_column,
        "label_separator": options.label_separator,
    }
    if options.pair_column is None:
        return open_labelled_texts(path, **given)
    return open_pairs(path, text_pair_column=options.pair_column, **given)


def _teacher(options: TrainingOptions, labels: tuple[str, ...], *, multi_label: bool) -> Teacher | None:
    if options.teacher is None:
        return None
    return open_teacher(
        options.teacher,
        labels=labels,
        problem_type=MULTI_LABEL if multi_label else SINGLE_LABEL,
        temperature=options.temperature,
    )


def _check_agreement(data: Labelled, given: Labelled) -> None:
    if data.multi_label != given.multi_label:
        raise MixedLabelling(path=given.path, multi_label=given.multi_label)
    unseen = sorted(set(given.labels) - set(data.labels))
    if unseen:
        raise UnseenLabels(path=given.path, labels=unseen, known=data.labels)


def _source(data: Labelled, options: TrainingOptions) -> dict[str, Any]:
    pair = {"pair_column": options.pair_column} if options.pair_column else {}
    return {
        "path": str(data.path),
        "sha256": sha256(data.path),
        "rows": len(data.rows),
        "text_column": data.text_column,
        **pair,
        "label_column": data.label_column,
    }
