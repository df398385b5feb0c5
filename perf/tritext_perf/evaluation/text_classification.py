"""Text classification, of texts or pairs: labels by accuracy and F1, and with one output only, numbers by correlation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tritext.metrics import similarity
from tritext.pairs import read_pairs, read_scored_pairs
from tritext.records import LabelledTexts, ScoredTexts, read_labelled_texts, read_scored_texts
from tritext_perf.evaluation import labels
from tritext_perf.evaluation.evaluation import (
    Ask,
    Evaluation,
    Figures,
    Options,
    Served,
    largest_difference,
)


@dataclass(frozen=True, kw_only=True)
class TextClassification(Evaluation):
    """Each answer is FP32 [labels], in the order of `labels`."""

    task = "text-classification"
    columns = ("text", "text_pair", "label", "score")
    truth: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    multi_label: bool
    threshold: float

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:
        if len(served.labels) == 1:
            return Regression.read(path, served, options)
        reader, texts = (
            (read_pairs, ("text", "text_pair")) if served.takes_pairs else (read_labelled_texts, ("text",))
        )
        data = reader(
            path,
            **options.named(*texts),
            label_column=options.truth_column,
            label_separator=options.label_separator,
        )
        labels.check_labels(data.labels, served.labels, path=path)
        return cls(
            path=path,
            items=_items(data),
            truth=data.labels,
            labels=served.labels,
            multi_label=data.multi_label,
            threshold=options.threshold,
        )

    def answers(self, ask: Ask) -> Iterator[Any]:
        return (self._row(answer) for answer in ask(self.items, top_k="all"))

    def _row(self, answer: Any) -> Any:
        scores = {each.label: each.score for each in answer}
        if set(scores) != set(self.labels):
            raise labels.DifferentLabels(served=self.labels, original=tuple(scores))
        return np.array([scores[label] for label in self.labels], np.float32)

    def _decided(self, answers: Sequence[Any]) -> Any:
        return labels.decide(np.stack(answers), multi_label=self.multi_label, threshold=self.threshold)

    def _truth(self) -> Any:
        return labels.truth_of(self.truth, self.labels, multi_label=self.multi_label)

    def overall(self, answers: Sequence[Any]) -> Figures:
        return labels.overall(self._truth(), self._decided(answers))

    def per_label(self, answers: Sequence[Any]) -> list[dict[str, Any]]:
        return labels.per_label(self._truth(), self._decided(answers), self.labels)

    def agreement(self, served: Sequence[Any], original: Sequence[Any]) -> Figures:
        one, other = (self._decided(answers).reshape(len(answers), -1) for answers in (served, original))
        return {
            "labels": float((one == other).all(axis=1).mean()),
            "largest_difference": float(np.abs(np.stack(served) - np.stack(original)).max()),
        }


@dataclass(frozen=True, kw_only=True)
class Regression(Evaluation):
    """Each answer is a number."""

    task = "text-classification"
    columns = TextClassification.columns
    truth: tuple[float, ...]

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:
        reader, texts = (
            (read_scored_pairs, ("text", "text_pair"))
            if served.takes_pairs
            else (read_scored_texts, ("text",))
        )
        data = reader(path, **options.named(*texts), score_column=options.truth_column)
        return cls(path=path, items=_items(data), truth=data.scores)

    def answers(self, ask: Ask) -> Iterator[float]:
        return (answer[0].score for answer in ask(self.items, top_k="all"))

    def overall(self, answers: Sequence[Any]) -> Figures:
        return similarity.overall(self.truth, answers)

    def agreement(self, served: Sequence[Any], original: Sequence[Any]) -> Figures:
        return {"largest_difference": largest_difference(served, original)}


def _items(data: LabelledTexts | ScoredTexts) -> Sequence[Any]:
    return data.texts if data.text_pairs is None else tuple(zip(data.texts, data.text_pairs, strict=True))
