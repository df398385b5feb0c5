"""Text regression: texts or pairs with a number each; one output, taken as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from transformers import EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext.checkpoints import sha256
from tritext.metrics import similarity
from tritext.pairs import open_scored_pairs
from tritext.records import ScoredRows, open_scored_texts
from tritext_training import encoding, figures, scoring, splits
from tritext_training.base import Base, load_classifier, start_at_priors
from tritext_training.encoding import Texts
from tritext_training.errors import BadOption
from tritext_training.options import REGRESSION, TrainingOptions
from tritext_training.sections import Column, Mistakes, Section, Shown, figure, text_columns
from tritext_training.shelf import Shelf
from tritext_training.splits import Parts, by_group, divide
from tritext_training.tasks import Encoded, Evaluation, Metric, Task

OUTPUT = "LABEL_0"
"""What the one output is called, as transformers calls it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A text, its pair if it has one, and its number."""

    text: str
    pair: str | None
    score: float


@dataclass(frozen=True, kw_only=True)
class TextRegression(Task):
    """The three splits."""

    parts: Parts[Row]
    sources: dict[str, Any]

    @property
    def best(self) -> Metric:
        return Metric(key="mse", name="mean squared error", greater_is_better=False)

    @property
    def rows(self) -> int:
        return len(self.parts.train)

    @cached_property
    def facts(self) -> dict[str, Any]:
        return {
            "problem_type": REGRESSION,
            "files": self.sources,
            "splits": {name: _facts(rows) for name, rows in self.parts.items()},
            "duplicates": splits.duplicates(**{name: texts_of(rows) for name, rows in self.parts.items()}),
        }

    def model(self, base: Base) -> PreTrainedModel:
        model = load_classifier(base, labels=(OUTPUT,), problem_type=REGRESSION)
        start_at_priors(model, [float(np.mean([row.score for row in self.parts.train]))])
        return model

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        features, counts = {}, {}
        for name, rows in self.parts.items()[:2]:
            texts = texts_of(rows)
            features[name] = read = encoding.features(
                tokenizer, texts, max_length=max_length, labels=(row.score for row in rows)
            )
            counts[name] = encoding.token_counts(tokenizer, texts, max_length=max_length, read=read)
        return Encoded(train=features["train"], validation=features["validation"], token_counts=counts)

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        predicted = np.asarray(prediction.predictions).reshape(-1)
        return similarity.overall(np.asarray(prediction.label_ids).reshape(-1).tolist(), predicted.tolist())

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        metrics, predicted = {}, []
        for name, rows in self.parts.items()[1:]:
            predicted = scoring.logits(checkpoint, texts_of(rows), max_length=max_length)[:, 0].tolist()
            metrics[name] = similarity.overall([row.score for row in rows], predicted)
        test, expected = metrics["test"], [row.score for row in self.parts.test]
        return Evaluation(
            metrics=metrics,
            headline={"Pearson": test["pearson"], "Spearman": test["spearman"], "MSE": test["mse"]},
            shown=Shown(
                key_figures=[
                    (figure(test["mse"]), "mean squared error, test"),
                    (figure(test["mae"]), "mean absolute error, test"),
                    (figure(test["pearson"]), "Pearson correlation, test"),
                    (figure(test["spearman"]), "Spearman correlation, test"),
                    (figure(metrics["validation"]["mse"]), "mean squared error, validation"),
                ],
                sections=[
                    Section(
                        title="Predicted and expected",
                        picture=figures.scatter(expected, predicted),
                        picture_note="One point per test row; right ones lie on the line.",
                        alt="Predicted over expected numbers",
                    )
                ],
            ),
            mistakes=mistakes(self.parts.test, predicted),
        )


def mistakes(rows: Sequence[Row], predicted: Sequence[float]) -> Mistakes:
    """Every test row, the one furthest off first."""
    texts = texts_of(rows)
    listed = [
        {
            **texts.columns(place),
            "expected": row.score,
            "predicted": round(given, 4),
            "error": round(given - row.score, 4),
        }
        for place, (row, given) in enumerate(zip(rows, predicted, strict=True))
    ]
    judged = [Column(title=key, key=key) for key in ("expected", "predicted", "error")]
    return Mistakes(
        columns=(*text_columns(pairs=texts.second is not None), *judged),
        rows=sorted(listed, key=lambda row: -abs(row["error"])),
        worst="were furthest off",
    )


def open_task(options: TrainingOptions) -> TextRegression:
    """Read the files and draw the splits by chance."""
    for name in ("label_separator", "label_names", "threshold"):
        if getattr(options, name) is not None:
            option = name.replace("_", "-")
            raise BadOption(
                option=option, value=getattr(options, name), expected="labels, not numbers to predict"
            )
    data = _read(options.data, options)
    given = _read(options.eval_data, options) if options.eval_data else None
    return TextRegression(
        parts=_divide(data, given, options),
        sources={
            "data": _source(options.data, data),
            "eval_data": _source(options.eval_data, given) if options.eval_data and given else None,
        },
    )


def _divide(data: Sequence[Row], given: Sequence[Row] | None, options: TrainingOptions) -> Parts[Row]:
    """The rows by what they are for; the same texts are never in two places."""
    draw = by_group(_same_text, path=options.data, units="texts")
    return divide(data, given, draw, options=options)


def _same_text(row: Row) -> int:
    return splits.fingerprint(f"{row.text}\0{row.pair}")


def texts_of(rows: Sequence[Row]) -> Texts:
    return Texts.of(rows, "text", "pair")


def _source(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    return {"path": str(path), "sha256": sha256(path), "rows": len(rows)}


def _read(path: Path, options: TrainingOptions) -> Shelf[Row]:
    rows = _opened(path, options)
    return Shelf(Row, (Row(text=text, pair=pair, score=score) for text, pair, score in rows))


def _opened(path: Path, options: TrainingOptions) -> ScoredRows:
    given = {
        "text_column": options.text_column,
        "score_column": options.score_column or options.label_column,
    }
    if options.pair_column is None:
        return open_scored_texts(path, **given)
    return open_scored_pairs(path, text_pair_column=options.pair_column, **given)


def _facts(rows: Sequence[Row]) -> dict[str, Any]:
    scores = [row.score for row in rows]
    return {
        "rows": len(rows),
        "lowest": min(scores),
        "mean": round(float(np.mean(scores)), 4),
        "highest": max(scores),
    }
