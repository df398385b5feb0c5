"""Sentence embeddings from pairs of texts: pairs that belong together, or pairs with a number, how similar they are.

The checkpoint is sentence-transformers': encoder, the base's own pooling, normalisation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext.checkpoints import locate, sha256
from tritext.metrics import ranking, similarity
from tritext.pairs import read_plain_pairs, read_scored_pairs
from tritext.records import SCORE_COLUMNS
from tritext.tables import read_table
from tritext_training import encoding, objectives, scoring, splits
from tritext_training.base import Base, load_model
from tritext_training.encoding import Texts
from tritext_training.errors import BadOption, OneScore
from tritext_training.options import TrainingOptions
from tritext_training.pooling import pooled, pooling_of, write_modules
from tritext_training.shelf import Features
from tritext_training.splits import Parts, by_group, divide
from tritext_training.tasks import Collator, Defaults, Encoded, Evaluation, Metric, Objective, Task
from tritext_training.tasks.embedding_pages import Row, Vectors, by_cosine, by_rank, numbers, ranks

Rows = tuple[Row, ...]

MOST_HELD_OUT = 2000
"""Pairs drawn for validation or test: every text is compared with every pair."""


@dataclass(frozen=True, kw_only=True)
class FeatureExtraction(Task):
    """The three splits, of which no two share a first text."""

    unit: ClassVar[str] = "pairs"
    defaults: ClassVar[Defaults] = Defaults(batch_size=64, learning_rate_factor=0.25)
    in_order: ClassVar[bool] = True

    parts: Parts[Row]
    scored: bool
    """Whether the pairs have numbers; otherwise all belong together."""
    pooling: str
    sources: dict[str, Any]

    @property
    def best(self) -> Metric:
        return Metric(key="spearman", name="Spearman") if self.scored else Metric(key="mrr", name="MRR")

    @property
    def rows(self) -> int:
        return len(self.parts.train)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "files": self.sources,
            "splits": {
                name: {"rows": len(rows), "different_texts": len(numbers(rows))}
                for name, rows in self.parts.items()
            },
            "duplicates": splits.duplicates(**{name: _texts(rows) for name, rows in self.parts.items()}),
        }

    def model(self, base: Base) -> PreTrainedModel:
        return load_model(base, AutoModel)

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        features, counts = {}, {}
        for name, rows in self.parts.items()[:2]:
            number = numbers(rows)
            columns = [
                tokenizer(side, truncation=True, max_length=max_length)["input_ids"]
                for side in ([row.text for row in rows], [row.pair for row in rows])
            ]
            features[name] = Features(
                {
                    "input_ids": first,
                    "pair_ids": second,
                    "labels": row.cosine if self.scored else [number[row.text], number[row.pair]],
                }
                for row, first, second in zip(rows, *columns, strict=True)
            )
            counts[name] = encoding.token_counts(tokenizer, Texts(first=tuple(number)), max_length=max_length)
        return Encoded(train=features["train"], validation=features["validation"], token_counts=counts)

    def collator(self, tokenizer: PreTrainedTokenizerFast) -> Collator:
        """First texts, then their pairs, as one batch."""

        def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
            ids = [row[name] for name in ("input_ids", "pair_ids") for row in rows]
            batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
            return {**batch, "labels": torch.tensor([row["labels"] for row in rows])}

        return collate

    @property
    def objective(self) -> Objective:
        choose = objectives.matching_cosine if self.scored else objectives.own_pair_first
        return choose(self.pooling)

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        vectors = np.asarray(prediction.predictions)
        return self._overall(self.parts.validation, vectors[:, 0], vectors[:, 1])

    def _overall(self, rows: Sequence[Row], first: Vectors, second: Vectors) -> dict[str, float]:
        """`first[i]` and `second[i]` are the unit vectors of the texts of row i."""
        if self.scored:
            cosines = (first * second).sum(axis=-1)
            return similarity.overall([row.cosine for row in rows], cosines.tolist())
        return ranking.overall(*ranks(rows, first, second))

    def complete(self, checkpoint: Path, *, max_length: int) -> None:
        hidden = AutoConfig.from_pretrained(checkpoint).hidden_size
        write_modules(checkpoint, mode=self.pooling, dimension=hidden, max_length=max_length)

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        metrics: dict[str, dict[str, float]] = {}
        for name, rows in self.parts.items()[1:]:
            first, second = self._embedded(checkpoint, rows, max_length)
            metrics[name] = self._overall(rows, first, second)
        shown, mistakes = (by_cosine if self.scored else by_rank)(metrics, self.parts.test, first, second)
        test = metrics["test"]
        if self.scored:
            headline = {"Spearman": test["spearman"], "Pearson": test["pearson"]}
        else:
            headline = {"MRR": test["mrr"], "MAP": test["map"], "nDCG@10": test["ndcg_at_10"]}
        return Evaluation(metrics=metrics, headline=headline, shown=shown, mistakes=mistakes)

    def _embedded(self, checkpoint: Path, rows: Sequence[Row], max_length: int) -> tuple[Vectors, Vectors]:
        """Unit vectors of the first texts and of their pairs, each different text embedded once."""
        number = numbers(rows)
        tokenizer = scoring.tokenizer_of(checkpoint)
        features = encoding.features(tokenizer, Texts(first=tuple(number)), max_length=max_length)

        def read(output: Any, batch: Any) -> Any:
            return (
                pooled(output.last_hidden_state, batch["attention_mask"], self.pooling).float().cpu().numpy()
            )

        vectors = np.stack(scoring.outputs(checkpoint, features, head=AutoModel, read=read))
        return vectors[[number[row.text] for row in rows]], vectors[[number[row.pair] for row in rows]]


def _texts(rows: Sequence[Row]) -> Texts:
    return Texts.of(rows, "text", "pair")


def open_task(options: TrainingOptions) -> FeatureExtraction:
    """Read the files and draw the splits by first text."""
    scored = _are_scored(options)
    if not scored and options.gradient_accumulation > 1:
        expected = "1 for pairs without numbers, which compete with all others of their batch"
        raise BadOption(
            option="gradient-accumulation", value=options.gradient_accumulation, expected=expected
        )
    pooling = pooling_of(locate(options.base, revision=options.revision), source=options.base)
    data = _read(options.data, options, scored=scored)
    given = _read(options.eval_data, options, scored=scored) if options.eval_data else None
    if scored:
        data, given = _as_cosines(data, given)
    draw = by_group(attrgetter("text"), path=options.data, units="first texts")
    return FeatureExtraction(
        parts=divide(data, given, draw, options=options, most=MOST_HELD_OUT),
        scored=scored,
        pooling=pooling,
        sources={
            "data": _source(options.data, data),
            "eval_data": _source(options.eval_data, given) if options.eval_data and given else None,
        },
    )


def _are_scored(options: TrainingOptions) -> bool:
    """Whether a column of numbers was named, or stands in the data under a usual name."""
    if options.score_column is not None:
        return True
    taken = {options.text_column, options.pair_column}
    return any(
        name.strip().casefold() in SCORE_COLUMNS and name not in taken
        for name in read_table(options.data).columns
    )


def _read(path: Path, options: TrainingOptions, *, scored: bool) -> Rows:
    names = {"text_column": options.text_column, "text_pair_column": options.pair_column}
    if not scored:
        return tuple(Row(text=text, pair=pair) for text, pair in read_plain_pairs(path, **names))
    data = read_scored_pairs(path, score_column=options.score_column, **names)
    return tuple(
        Row(text=text, pair=pair, cosine=score)
        for text, pair, score in zip(data.texts, data.text_pairs or (), data.scores, strict=True)
    )


def _as_cosines(data: Rows, given: Rows | None) -> tuple[Rows, Rows | None]:
    """Numbers from -1 to 1 are taken as cosines; others so that the data's lowest means 0 and their highest 1."""
    scores = [row.cosine for row in data]
    low, high = min(scores), max(scores)
    if low == high:
        raise OneScore(score=low)
    if low >= -1 and high <= 1:
        return data, given

    def scaled(rows: Rows) -> Rows:
        return tuple(replace(row, cosine=(row.cosine - low) / (high - low)) for row in rows)

    return scaled(data), scaled(given) if given else None


def _source(path: Path, rows: Rows) -> dict[str, Any]:
    return {"path": str(path), "sha256": sha256(path), "rows": len(rows)}
