"""Text classification: reads texts or pairs with what is to be learnt of them, and tells what that is.

Labels are `text_labels`', numbers `text_regression`'s. The rule, unless `--problem-type` says otherwise: several
labels a row are multi-label; numbers, one of them with a fraction, are a regression; all else is single-label.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from tritext.checkpoints import sha256
from tritext.console import err
from tritext.pairs import read_pairs
from tritext.records import LabelledTexts, read_labelled_texts
from tritext_training.errors import BadOption, MixedLabelling, TooFewLabels, UnseenLabels
from tritext_training.label_names import label_names
from tritext_training.options import MULTI_LABEL, REGRESSION, SINGLE_LABEL, TrainingOptions
from tritext_training.splits import by_label, divide
from tritext_training.tasks import Task, text_regression
from tritext_training.tasks.text_labels import Row, TextLabels


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


def _are_measurements(data: LabelledTexts) -> bool:
    """Whether all labels are numbers and one has a fraction; whole numbers more often name classes."""
    if data.multi_label:
        return False
    try:
        numbers = [float(label) for label in data.label_names]
    except ValueError:
        return False
    return all(map(math.isfinite, numbers)) and not all(number.is_integer() for number in numbers)


def _labels_task(data: LabelledTexts, options: TrainingOptions) -> TextLabels:
    if len(data.label_names) < (1 if data.multi_label else 2):
        raise TooFewLabels(path=options.data, labels=data.label_names)
    given = _read(options.eval_data, options) if options.eval_data else None
    if given:
        _check_agreement(data, given)
    if options.threshold is not None and not data.multi_label:
        raise BadOption(
            option="threshold", value=options.threshold, expected="data with several labels per row"
        )

    return TextLabels(
        labels=label_names(options.label_names).ordered(data.label_names),
        multi_label=data.multi_label,
        threshold=options.threshold,
        parts=divide(
            _rows(data),
            _rows(given) if given else None,
            by_label(lambda row: row.labels, path=data.path),
            options=options,
        ),
        sources={"data": _source(data, options), "eval_data": _source(given, options) if given else None},
    )


def _read(path: Path, options: TrainingOptions) -> LabelledTexts:
    given = {
        "text_column": options.text_column,
        "label_column": options.label_column,
        "label_separator": options.label_separator,
    }
    if options.pair_column is None:
        data = read_labelled_texts(path, **given)
    else:
        data = read_pairs(path, text_pair_column=options.pair_column, **given)
    if options.problem_type == SINGLE_LABEL and data.multi_label:
        raise BadOption(
            option="problem-type",
            value=SINGLE_LABEL,
            expected=f"one label per row in {path}, or {MULTI_LABEL}",
        )
    names = label_names(options.label_names)
    return replace(
        data,
        labels=tuple(tuple(names.name_of(label, path=path) for label in row) for row in data.labels),
        multi_label=data.multi_label or options.problem_type == MULTI_LABEL,
    )


def _check_agreement(data: LabelledTexts, given: LabelledTexts) -> None:
    if data.multi_label != given.multi_label:
        raise MixedLabelling(path=given.path, multi_label=given.multi_label)
    unseen = sorted(set(given.label_names) - set(data.label_names))
    if unseen:
        raise UnseenLabels(path=given.path, labels=unseen, known=data.label_names)


def _rows(data: LabelledTexts) -> tuple[Row, ...]:
    pairs = data.text_pairs or (None,) * len(data)
    return tuple(
        Row(text=text, pair=pair, labels=labels)
        for text, pair, labels in zip(data.texts, pairs, data.labels, strict=True)
    )


def _source(data: LabelledTexts, options: TrainingOptions) -> dict[str, Any]:
    pair = {"pair_column": options.pair_column} if options.pair_column else {}
    return {
        "path": str(data.path),
        "sha256": sha256(data.path),
        "rows": len(data),
        "text_column": data.text_column,
        **pair,
        "label_column": data.label_column,
    }
