"""Text classification: rows with exactly one label each (softmax), or any number of labels (sigmoid, threshold)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext.checkpoints import sha256
from tritext.records import LabelledTexts, read_labelled_texts
from tritext_training import metrics, scoring, splits
from tritext_training.base import Base, load_classifier, start_at_priors
from tritext_training.errors import BadOption, MixedLabelling, TooFewLabels, TooFewRows, UnseenLabels
from tritext_training.options import TrainingOptions
from tritext_training.tasks import Encoded, Evaluation

TEST_SHARE = 0.1
"""Of the rows, held out for the final test where no evaluation data are given."""

Rows = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""Texts and their labels."""


@dataclass(frozen=True, kw_only=True)
class TextClassification:
    """The three splits and the labels they share."""

    labels: tuple[str, ...]
    multi_label: bool
    threshold: float | None
    train: Rows
    validation: Rows
    test: Rows
    sources: dict[str, Any]

    @property
    def rows(self) -> int:
        return len(self.train[0])

    @property
    def problem_type(self) -> str:
        return "multi_label_classification" if self.multi_label else "single_label_classification"

    @property
    def facts(self) -> dict[str, Any]:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "problem_type": self.problem_type,
            "labels": list(self.labels),
            "files": self.sources,
            "splits": {
                name: {"rows": len(texts), "label_counts": _counts(labels, self.labels)}
                for name, (texts, labels) in parts.items()
            },
            "duplicates": splits.duplicates(**{name: texts for name, (texts, _) in parts.items()}),
        }

    def model(self, base: Base) -> PreTrainedModel:
        model = load_classifier(base, labels=self.labels, problem_type=self.problem_type)
        start_at_priors(model, self._log_odds())
        return model

    def _log_odds(self) -> list[float]:
        """Of each label among the training rows (add-one smoothed): logits whose sigmoid is its frequency.

        For single labels, logarithms of frequencies, whose softmax is the frequencies.
        """
        counts = np.array(list(_counts(self.train[1], self.labels).values())) + 1.0
        share = counts / (self.rows + 2)
        odds = np.log(share / (1 - share)) if self.multi_label else np.log(share)
        return [float(value) for value in odds]

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        features, counts = {}, {}
        for name, rows in (("train", self.train), ("validation", self.validation)):
            features[name], counts[name] = self._features(tokenizer, rows, max_length)
        return Encoded(train=features["train"], validation=features["validation"], token_counts=counts)

    def _features(
        self, tokenizer: PreTrainedTokenizerFast, rows: Rows, max_length: int
    ) -> tuple[list[dict[str, Any]], dict[str, float]]:
        texts, labels = rows
        lengths = [len(ids) for ids in tokenizer(list(texts))["input_ids"]]
        columns = tokenizer(list(texts), truncation=True, max_length=max_length)
        targets = self._targets(labels)
        values = targets.astype(float).tolist() if self.multi_label else targets.tolist()
        features = [
            {**{name: column[row] for name, column in columns.items()}, "labels": value}
            for row, value in enumerate(values)
        ]
        return features, _length_facts(lengths, max_length)

    def _targets(self, labels: Sequence[Sequence[str]]) -> metrics.Indicator:
        index = {label: position for position, label in enumerate(self.labels)}
        if not self.multi_label:
            return np.array([index[row[0]] for row in labels], dtype=np.int64)
        targets = np.zeros((len(labels), len(index)), dtype=np.int64)
        for position, row in enumerate(labels):
            targets[position, [index[label] for label in row]] = 1
        return targets

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        scores: scoring.Logits = np.asarray(prediction.predictions)
        expected = np.asarray(prediction.label_ids).astype(np.int64)
        figures = metrics.overall(expected, self._predicted(scores, self._threshold(scores, expected)))
        return {"macro_f1": figures["macro_f1"], "accuracy": figures["accuracy"]}

    def _threshold(self, scores: scoring.Logits, expected: metrics.Indicator) -> float:
        """As given, or the best for these validation rows; without use for single labels."""
        if self.threshold is not None or not self.multi_label:
            return self.threshold or 0.5
        return metrics.best_threshold(expected, scoring.sigmoid(scores))

    def _predicted(self, scores: scoring.Logits, threshold: float) -> metrics.Indicator:
        if self.multi_label:
            return metrics.above(scoring.sigmoid(scores), threshold)
        highest: metrics.Indicator = scores.argmax(axis=-1).astype(np.int64)
        return highest

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        held_out = scoring.logits(checkpoint, self.validation[0], max_length=max_length)
        held_out_targets = self._targets(self.validation[1])
        threshold = self._threshold(held_out, held_out_targets)
        scores = scoring.logits(checkpoint, self.test[0], max_length=max_length)
        expected, predicted = self._targets(self.test[1]), self._predicted(scores, threshold)
        return Evaluation(
            metrics={
                "validation": metrics.overall(held_out_targets, self._predicted(held_out, threshold)),
                "test": metrics.overall(expected, predicted),
            },
            per_label=metrics.per_label(expected, predicted, self.labels),
            confusion=metrics.confusion(expected, predicted, self.labels),
            false_predictions=self._false_predictions(scores, expected, predicted),
            config={"threshold": threshold} if self.multi_label else {},
        )

    def _false_predictions(
        self, scores: scoring.Logits, expected: metrics.Indicator, predicted: metrics.Indicator
    ) -> list[dict[str, Any]]:
        """Every row with an error, the surest error first: its score is how sure the model was of what is wrong."""
        if self.multi_label:
            probabilities = scoring.sigmoid(scores)
            sureness = np.where(predicted > expected, probabilities, 1 - probabilities)
            score = np.where(predicted != expected, sureness, 0).max(axis=-1)
            wrong = np.flatnonzero((predicted != expected).any(axis=-1))
        else:
            score = scoring.softmax(scores).max(axis=-1)
            wrong = np.flatnonzero(predicted != expected)
        return [
            {
                "text": self.test[0][row],
                "expected": self._names(expected[row]),
                "predicted": self._names(predicted[row]),
                "score": round(float(score[row]), 4),
            }
            for row in sorted(wrong, key=lambda row: -score[row])
        ]

    def _names(self, target: Any) -> list[str]:
        positions = np.flatnonzero(target) if self.multi_label else [target]
        return [self.labels[position] for position in positions]


def open_task(options: TrainingOptions) -> TextClassification:
    """Read the files, check that labels agree, and draw the splits."""
    data = _read(options.data, options)
    if len(data.label_names) < (1 if data.multi_label else 2):
        raise TooFewLabels(path=options.data, labels=data.label_names)
    given = _read(options.eval_data, options) if options.eval_data else None
    if given:
        _check_agreement(data, given)
    if options.threshold is not None and not data.multi_label:
        raise BadOption(
            option="threshold", value=options.threshold, expected="data with several labels per row"
        )
    rows = _sampled(data, options)
    rows, test = (
        (rows, (given.texts, given.labels)) if given else _split(data, rows, TEST_SHARE, options.seed + 1)
    )
    train, validation = _split(data, rows, options.validation_split, options.seed)
    return TextClassification(
        labels=data.label_names,
        multi_label=data.multi_label,
        threshold=options.threshold,
        train=train,
        validation=validation,
        test=test,
        sources={"data": _source(data), "eval_data": _source(given) if given else None},
    )


def _read(path: Path, options: TrainingOptions) -> LabelledTexts:
    return read_labelled_texts(
        path,
        text_column=options.text_column,
        label_column=options.label_column,
        label_separator=options.label_separator,
    )


def _check_agreement(data: LabelledTexts, given: LabelledTexts) -> None:
    if data.multi_label != given.multi_label:
        raise MixedLabelling(path=given.path, multi_label=given.multi_label)
    unseen = sorted(set(given.label_names) - set(data.label_names))
    if unseen:
        raise UnseenLabels(path=given.path, labels=unseen, known=data.label_names)


def _sampled(data: LabelledTexts, options: TrainingOptions) -> Rows:
    """At most `max_samples` rows, every label among them."""
    rows: Rows = (data.texts, data.labels)
    surplus = len(data) - (options.max_samples or len(data))
    if surplus <= 0:
        return rows
    drawn = splits.draw(splits.strata(data.labels), count=surplus, seed=options.seed)
    if len(drawn.taken) < surplus:
        expected = f"at least {len(drawn.left)}, one row for each label or rare combination"
        raise BadOption(option="max-samples", value=options.max_samples, expected=expected)
    return _pick(rows, drawn.left)


def _split(data: LabelledTexts, rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    texts, labels = rows
    drawn = splits.draw(splits.strata(labels), count=max(1, round(share * len(texts))), seed=seed)
    if not drawn.taken:
        raise TooFewRows(path=data.path, rows=len(texts), labels=len(data.label_names))
    return _pick(rows, drawn.left), _pick(rows, drawn.taken)


def _pick(rows: Rows, positions: Sequence[int]) -> Rows:
    texts, labels = rows
    return tuple(texts[position] for position in positions), tuple(labels[position] for position in positions)


def _source(data: LabelledTexts) -> dict[str, Any]:
    return {
        "path": str(data.path),
        "sha256": sha256(data.path),
        "rows": len(data),
        "text_column": data.text_column,
        "label_column": data.label_column,
    }


def _counts(labels: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, int]:
    counts = dict.fromkeys(names, 0)
    for row in labels:
        for label in row:
            counts[label] += 1
    return counts


def _length_facts(lengths: Sequence[int], max_length: int) -> dict[str, float]:
    median, p95 = np.percentile(lengths, [50, 95])
    truncated = sum(length > max_length for length in lengths)
    return {"median": float(median), "p95": float(p95), "max": max(lengths), "truncated": truncated}
