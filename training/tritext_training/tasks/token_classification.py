"""Token classification: texts whose tokens carry tags; the first piece of a token carries its tag, the others none.

Texts longer than the model reads are split into windows, and every token is judged in the window it begins in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from transformers import (
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tritext.checkpoints import sha256
from tritext.metrics import spans
from tritext.tagged import TaggedText, TaggedTexts, read_tagged_texts
from tritext_training import encoding, scoring, splits
from tritext_training.base import Base, load_classifier, start_at_priors
from tritext_training.encoding import Texts
from tritext_training.errors import TooFewLabels, UnseenLabels
from tritext_training.options import TrainingOptions
from tritext_training.sections import Column, Mistakes, Section, Shown, figure, percent
from tritext_training.shelf import Features
from tritext_training.splits import Parts, by_label, divide
from tritext_training.tasks import Collator, Encoded, Evaluation, Metric, Task
from tritext_training.windows import Window, tagged_windows

IGNORED = -100
"""The target of pieces that carry no tag, as torch's cross-entropy has it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The tags given to each text's tokens, and how sure the model was of each."""

    tags: list[list[str]]
    sureness: list[npt.NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class TokenClassification(Task):
    """The three splits and the tags they share."""

    in_order: ClassVar[bool] = True

    labels: tuple[str, ...]
    parts: Parts[TaggedText]
    sources: dict[str, Any]
    _windows: list[Window] = field(default_factory=list)
    """Of the validation texts, in the order of the features that `encode` gave."""

    @property
    def best(self) -> Metric:
        return Metric(key="f1", name="entity F1")

    @property
    def rows(self) -> int:
        return len(self.parts.train)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "files": self.sources,
            "splits": {
                name: {
                    "rows": len(rows),
                    "tokens": sum(len(row.tags) for row in rows),
                    "entities": sum(_entity_counts(rows).values()),
                }
                for name, rows in self.parts.items()
            },
            "duplicates": splits.duplicates(
                **{name: [row.text for row in rows] for name, rows in self.parts.items()}
            ),
        }

    def model(self, base: Base) -> PreTrainedModel:
        model = load_classifier(base, labels=self.labels, head=AutoModelForTokenClassification)
        counts = Counter(tag for row in self.parts.train for tag in row.tags)
        share = np.array([counts[label] + 1.0 for label in self.labels])
        start_at_priors(model, np.log(share / share.sum()).tolist())
        return model

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        features, counts = {}, {}
        index = {tag: position for position, tag in enumerate(self.labels)}
        for name, rows in self.parts.items()[:2]:
            windows = tagged_windows(tokenizer, rows, max_length=max_length)
            features[name] = Features(_with_tags(window, rows, index) for window in windows)
            texts = Texts(first=tuple(row.text for row in rows))
            facts = encoding.token_counts(tokenizer, texts, max_length=max_length)
            counts[name] = {"split" if key == "truncated" else key: value for key, value in facts.items()}
        self._windows[:] = windows  # the last ones are those of the validation texts
        return Encoded(train=features["train"], validation=features["validation"], token_counts=counts)

    def collator(self, tokenizer: PreTrainedTokenizerFast) -> Collator:
        collate: Collator = DataCollatorForTokenClassification(tokenizer, label_pad_token_id=IGNORED)
        return collate

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        rows = self.parts.validation
        judged = self._judged(rows, self._windows, list(np.asarray(prediction.predictions)))
        return spans.overall([row.tags for row in rows], judged.tags)

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        metrics, judged = {}, Judged(tags=[], sureness=[])
        for name, rows in self.parts.items()[1:]:
            windows = tagged_windows(scoring.tokenizer_of(checkpoint), rows, max_length=max_length)
            scores = scoring.outputs(
                checkpoint,
                [window.features for window in windows],
                head=AutoModelForTokenClassification,
                read=scoring.logits_of,
            )
            judged = self._judged(rows, windows, scores)
            metrics[name] = spans.overall([row.tags for row in rows], judged.tags)
        per_type = spans.per_type([row.tags for row in self.parts.test], judged.tags)
        return Evaluation(
            metrics=metrics,
            headline={f"entity {key}": metrics["test"][key] for key in ("f1", "precision", "recall")},
            shown=self._shown(metrics, per_type),
            mistakes=_mistakes(self.parts.test, judged),
            details={"per_label": per_type},
        )

    def _judged(self, rows: Sequence[TaggedText], windows: Sequence[Window], scores: Sequence[Any]) -> Judged:
        """The likeliest tag of each token's first piece; tokens that the tokenizer drops belong to nothing."""
        tags = [["O"] * len(row.tags) for row in rows]
        sureness = [np.ones(len(row.tags), np.float32) for row in rows]
        for window, logits in zip(windows, scores, strict=True):
            shares = scoring.softmax(np.asarray(logits)[window.pieces])
            sureness[window.row][window.tokens] = shares.max(axis=-1)
            for token, best in zip(window.tokens, shares.argmax(axis=-1), strict=True):
                tags[window.row][token] = self.labels[best]
        return Judged(tags=tags, sureness=sureness)

    def _shown(self, metrics: dict[str, dict[str, float]], per_type: Sequence[dict[str, Any]]) -> Shown:
        test, trained = metrics["test"], _entity_counts(self.parts.train)
        return Shown(
            key_figures=[
                (figure(test["f1"]), "entity F1, test"),
                (figure(test["precision"]), "precision, test"),
                (figure(test["recall"]), "recall, test"),
                (figure(test["macro_f1"]), "macro-F1 over types, test"),
                (percent(test["accuracy"]), "tokens right, test"),
                (figure(metrics["validation"]["f1"]), "entity F1, validation"),
            ],
            sections=[
                Section(
                    title="Types of entities",
                    note="An entity is right if its type, its first and its last token are.",
                    columns=(
                        Column(title="type", key="label", kind="name"),
                        Column(title="F1", key="f1", kind="bar"),
                        Column(title="precision", key="precision"),
                        Column(title="recall", key="recall"),
                        Column(title="test entities", key="support"),
                        Column(title="training entities", key="trained"),
                    ),
                    rows=[{**row, "trained": trained[row["label"]]} for row in per_type],
                    empty="No entity was expected or found.",
                )
            ],
        )


def _with_tags(window: Window, rows: Sequence[TaggedText], index: dict[str, int]) -> dict[str, Any]:
    targets = np.full(len(window.features["input_ids"]), IGNORED)
    targets[window.pieces] = [index[rows[window.row].tags[token]] for token in window.tokens]
    return {**window.features, "labels": targets.tolist()}


def _entity_counts(rows: Sequence[TaggedText]) -> Counter[str]:
    return Counter(entity.type for row in rows for entity in spans.entities(row.tags))


def _mistakes(rows: Sequence[TaggedText], judged: Judged) -> Mistakes:
    """Every text with a wrong entity, the surest error first: its score is the mean over the entity's tokens."""
    wrong = []
    for row, tags, sureness in zip(rows, judged.tags, judged.sureness, strict=True):
        expected, predicted = list(spans.entities(row.tags)), list(spans.entities(tags))
        if differing := set(expected) ^ set(predicted):
            score = max(float(sureness[entity.first : entity.end].mean()) for entity in differing)
            names = {"expected": _names(row, expected), "predicted": _names(row, predicted)}
            wrong.append({"text": row.text, **names, "score": round(score, 4)})
    columns = (
        Column(title="text", key="text", kind="text"),
        Column(title="expected", key="expected", kind="name"),
        Column(title="predicted", key="predicted", kind="name"),
        Column(title="score", key="score"),
    )
    return Mistakes(columns=columns, rows=sorted(wrong, key=lambda row: -row["score"]))


def _names(row: TaggedText, entities: Sequence[spans.Entity]) -> list[str]:
    return [
        f"{entity.type}: {row.text[row.offsets[entity.first][0] : row.offsets[entity.end - 1][1]]}"
        for entity in entities
    ]


def open_task(options: TrainingOptions) -> TokenClassification:
    """Read the files and draw the splits evenly over the types of entities."""
    data = _read(options.data, options)
    if len(data.tag_names) < 2:  # noqa: PLR2004
        raise TooFewLabels(path=options.data, labels=data.tag_names)
    given = _read(options.eval_data, options) if options.eval_data else None
    if given and (unseen := sorted(set(given.tag_names) - set(data.tag_names))):
        raise UnseenLabels(path=given.path, labels=unseen, known=data.tag_names)
    return TokenClassification(
        labels=data.tag_names,
        parts=divide(
            data.rows,
            given.rows if given else None,
            by_label(lambda row: sorted(_entity_counts([row])), path=data.path),
            options=options,
        ),
        sources={"data": _source(data), "eval_data": _source(given) if given else None},
    )


def _read(path: Path, options: TrainingOptions) -> TaggedTexts:
    return read_tagged_texts(
        path,
        text_column=options.text_column,
        tokens_column=options.tokens_column,
        tags_column=options.tags_column,
        spans_column=options.spans_column,
    )


def _source(data: TaggedTexts) -> dict[str, Any]:
    return {"path": str(data.path), "sha256": sha256(data.path), "rows": len(data)}
