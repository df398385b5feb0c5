"""Texts or pairs with labels: exactly one a row (softmax), or any number of them (sigmoid, threshold).

It refuses to know where the rows come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext.metrics import classification as metrics
from tritext_training import distilling, encoding, scoring, splits
from tritext_training.base import Base, load_classifier, start_at_priors
from tritext_training.distilling import Teacher
from tritext_training.encoding import Texts
from tritext_training.sections import Column, Mistakes, text_columns
from tritext_training.splits import Parts
from tritext_training.tasks import Collator, Encoded, Evaluation, Metric, Objective, Task
from tritext_training.tasks.label_pages import Outcome, shown


@dataclass(frozen=True, kw_only=True)
class Row:
    """A text, its pair if it has one, and its labels."""

    text: str
    pair: str | None
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TextLabels(Task):
    """The three splits and the labels they share."""

    labels: tuple[str, ...]
    multi_label: bool
    threshold: float | None
    parts: Parts[Row]
    sources: dict[str, Any]
    teacher: Teacher | None = None
    class_weights: str | None = None

    @property
    def best(self) -> Metric:
        return Metric(key="macro_f1", name="macro-F1")

    @property
    def rows(self) -> int:
        return len(self.parts.train)

    @property
    def problem_type(self) -> str:
        return "multi_label_classification" if self.multi_label else "single_label_classification"

    @cached_property
    def facts(self) -> dict[str, Any]:
        return {
            "problem_type": self.problem_type,
            "labels": list(self.labels),
            "files": self.sources,
            **({"teacher": self.teacher.facts} if self.teacher else {}),
            "splits": {
                name: {"rows": len(rows), "label_counts": _counts(rows, self.labels)}
                for name, rows in self.parts.items()
            },
            "duplicates": splits.duplicates(**{name: _texts(rows) for name, rows in self.parts.items()}),
        }

    def model(self, base: Base) -> PreTrainedModel:
        model = load_classifier(base, labels=self.labels, problem_type=self.problem_type)
        start_at_priors(model, self._log_odds())
        return model

    def _log_odds(self) -> list[float]:
        """Of each label among the training rows (add-one smoothed): logits whose sigmoid is its frequency.

        For single labels, logarithms of frequencies, whose softmax is the frequencies.
        """
        counts = np.array(list(_counts(self.parts.train, self.labels).values())) + 1.0
        share = counts / (self.rows + 2)
        odds = np.log(share / (1 - share)) if self.multi_label else np.log(share)
        return [float(value) for value in odds]

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        features, counts = {}, {}
        for name, rows in self.parts.items()[:2]:
            texts, kind = _texts(rows), float if self.multi_label else int
            targets = (self._targets([row])[0].astype(kind).tolist() for row in rows)
            taught = name == "train" and self.teacher is not None
            wanted = {"labels": targets, **({distilling.COLUMN: self._taught(texts)} if taught else {})}
            features[name] = read = encoding.features(tokenizer, texts, max_length=max_length, **wanted)
            counts[name] = encoding.token_counts(tokenizer, texts, max_length=max_length, read=read)
        return Encoded(train=features["train"], validation=features["validation"], token_counts=counts)

    def _taught(self, texts: Texts) -> Iterator[list[float]]:
        return (row.tolist() for row in self.teacher.logits(texts)) if self.teacher else iter(())

    def collator(self, tokenizer: PreTrainedTokenizerFast) -> Collator:
        """Tokens are filled up to the longest row's; what the teacher said is as long in all."""
        pad = super().collator(tokenizer)

        def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
            said = [row.pop(distilling.COLUMN) for row in rows if distilling.COLUMN in row]
            return {**pad(rows), **({distilling.COLUMN: torch.tensor(said)} if said else {})}

        return collate

    @property
    def objective(self) -> Objective | None:
        if self.teacher is None and self.class_weights is None:
            return None
        return distilling.objective(
            multi_label=self.multi_label,
            temperature=self.teacher.temperature if self.teacher else 1.0,
            class_weights=self._class_weights() if self.class_weights else None,
        )

    def _class_weights(self) -> list[float]:
        """Of single labels rows / (labels x rows of the label), as scikit-learn's "balanced"; of several, no / yes."""
        counts = np.maximum(1, np.array(list(_counts(self.parts.train, self.labels).values())))
        weights = (self.rows - counts) / counts if self.multi_label else self.rows / (len(counts) * counts)
        return [float(weight) for weight in weights]

    def _targets(self, rows: Sequence[Row]) -> metrics.Indicator:
        index = {label: position for position, label in enumerate(self.labels)}
        if not self.multi_label:
            return np.array([index[row.labels[0]] for row in rows], dtype=np.int64)
        targets = np.zeros((len(rows), len(index)), dtype=np.int64)
        for position, row in enumerate(rows):
            targets[position, [index[label] for label in row.labels]] = 1
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
        held_out = scoring.logits(checkpoint, _texts(self.parts.validation), max_length=max_length)
        held_out_targets = self._targets(self.parts.validation)
        threshold = self._threshold(held_out, held_out_targets)
        scores = scoring.logits(checkpoint, _texts(self.parts.test), max_length=max_length)
        expected, predicted = self._targets(self.parts.test), self._predicted(scores, threshold)
        outcome = Outcome(
            labels=self.labels,
            validation=metrics.overall(held_out_targets, self._predicted(held_out, threshold)),
            test=metrics.overall(expected, predicted),
            per_label=metrics.per_label(expected, predicted, self.labels),
            confusion=metrics.confusion(expected, predicted, self.labels),
            train_counts=_counts(self.parts.train, self.labels),
            threshold=threshold if self.multi_label else None,
        )
        comparison = self._beside_teacher(checkpoint, outcome.test, max_length)
        return Evaluation(
            metrics={"validation": outcome.validation, "test": outcome.test},
            headline={"macro-F1": outcome.test["macro_f1"], "accuracy": outcome.test["accuracy"]},
            shown=shown(outcome, comparison),
            mistakes=self._mistakes(scores, expected, predicted),
            details={
                "per_label": outcome.per_label,
                "confusion": outcome.confusion,
                **({"distillation": comparison} if comparison else {}),
            },
            config={"threshold": threshold} if self.multi_label else {},
        )

    def _beside_teacher(
        self, checkpoint: Path, test: dict[str, float], max_length: int
    ) -> dict[str, dict[str, float]]:
        """Size, speed and test figures of student and teacher; nothing where there is no teacher."""
        if self.teacher is None:
            return {}
        texts = _texts(self.parts.test)
        found = distilling.compared(
            {"student": checkpoint, "teacher": self.teacher.folder}, texts, max_length=max_length
        )
        scores = self.teacher.logits(texts)
        expected = self._targets(self.parts.test)
        taught = metrics.overall(expected, self._predicted(scores, self.threshold or 0.5))
        return {"student": {**found["student"], **test}, "teacher": {**found["teacher"], **taught}}

    def _mistakes(
        self, scores: scoring.Logits, expected: metrics.Indicator, predicted: metrics.Indicator
    ) -> Mistakes:
        """Every row with an error, the surest error first: its score is how sure the model was of what is wrong."""
        if self.multi_label:
            probabilities = scoring.sigmoid(scores)
            sureness = np.where(predicted > expected, probabilities, 1 - probabilities)
            score = np.where(predicted != expected, sureness, 0).max(axis=-1)
            wrong = np.flatnonzero((predicted != expected).any(axis=-1))
        else:
            score = scoring.softmax(scores).max(axis=-1)
            wrong = np.flatnonzero(predicted != expected)
        texts = _texts(self.parts.test)
        rows = [
            {
                **texts.columns(row),
                "expected": self._names(expected[row]),
                "predicted": self._names(predicted[row]),
                "score": round(float(score[row]), 4),
            }
            for row in sorted(wrong, key=lambda row: -score[row])
        ]
        return Mistakes(columns=(*text_columns(pairs=texts.second is not None), *_JUDGED), rows=rows)

    def _names(self, target: Any) -> list[str]:
        positions = np.flatnonzero(target) if self.multi_label else [target]
        return [self.labels[position] for position in positions]


_JUDGED = (
    Column(title="expected", key="expected", kind="name"),
    Column(title="predicted", key="predicted", kind="name"),
    Column(title="score", key="score"),
)


def _texts(rows: Sequence[Row]) -> Texts:
    return Texts.of(rows, "text", "pair")


def _counts(rows: Sequence[Row], names: Sequence[str]) -> dict[str, int]:
    counts = dict.fromkeys(names, 0)
    for row in rows:
        for label in row.labels:
            counts[label] += 1
    return counts
