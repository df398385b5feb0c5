"""Text ranking: a cross-encoder, which reads query and text together and gives one number, how relevant the text is.

Learnt from single pairs by binary cross-entropy, and judged by the order of each query's texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from transformers import EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext.checkpoints import sha256
from tritext.metrics import ranking
from tritext.pairs import Rankings, read_rankings
from tritext_training import encoding, scoring, splits
from tritext_training.base import Base, load_classifier, start_at_priors
from tritext_training.encoding import Texts
from tritext_training.errors import NothingToRank
from tritext_training.options import MULTI_LABEL, TrainingOptions
from tritext_training.sections import Column, Mistakes, Shown, figure
from tritext_training.splits import Parts, by_group, divide
from tritext_training.tasks import Defaults, Encoded, Evaluation, Metric, Task

OUTPUT = "LABEL_0"
"""What the one output is called, as transformers and sentence-transformers call it."""

CONFIG = {
    "problem_type": None,
    "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
}
"""By which sentence-transformers' CrossEncoder knows what the output means. The problem type served training only."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A query, one of its texts, and how relevant that is."""

    query: str
    text: str
    relevance: float


@dataclass(frozen=True, kw_only=True)
class TextRanking(Task):
    """The three splits, which share no query. Within each, the rows of a query stand together."""

    unit: ClassVar[str] = "pairs"
    defaults: ClassVar[Defaults] = Defaults(learning_rate_factor=0.5)  # at 1 MiniLM collapsed
    in_order: ClassVar[bool] = True

    parts: Parts[Row]
    highest: float
    """The highest relevance of the training rows, which is learnt as probability 1."""
    sources: dict[str, Any]

    @property
    def best(self) -> Metric:
        return Metric(key="map", name="MAP")

    @property
    def rows(self) -> int:
        return len(self.parts.train)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "files": self.sources,
            "splits": {name: _facts(rows) for name, rows in self.parts.items()},
            "duplicates": splits.duplicates(**{name: _texts(rows) for name, rows in self.parts.items()}),
        }

    def model(self, base: Base) -> PreTrainedModel:
        model = load_classifier(base, labels=(OUTPUT,), problem_type=MULTI_LABEL)  # binary cross-entropy
        share = (sum(self._targets(self.parts.train)) + 1) / (self.rows + 2)
        start_at_priors(model, [float(np.log(share / (1 - share)))])
        return model

    def _targets(self, rows: Sequence[Row]) -> list[float]:
        return [min(1.0, max(0.0, row.relevance / max(1.0, self.highest))) for row in rows]

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        features, counts = {}, {}
        for name, rows in self.parts.items()[:2]:
            texts, targets = _texts(rows), ([target] for target in self._targets(rows))
            features[name] = read = encoding.features(tokenizer, texts, max_length=max_length, labels=targets)
            counts[name] = encoding.token_counts(tokenizer, texts, max_length=max_length, read=read)
        return Encoded(train=features["train"], validation=features["validation"], token_counts=counts)

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        return _overall(self.parts.validation, np.asarray(prediction.predictions).reshape(-1))

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        metrics, logits = {}, np.zeros(0, np.float32)
        for name, rows in self.parts.items()[1:]:
            logits = scoring.logits(checkpoint, _texts(rows), max_length=max_length)[:, 0]
            metrics[name] = _overall(rows, logits)
        test, validation = metrics["test"], metrics["validation"]
        return Evaluation(
            metrics=metrics,
            headline={"MAP": test["map"], "MRR": test["mrr"], "nDCG@10": test["ndcg_at_10"]},
            shown=Shown(
                key_figures=[
                    (figure(test["map"]), "MAP, test"),
                    (figure(test["mrr"]), "MRR, test"),
                    (figure(test["ndcg_at_10"]), "nDCG@10, test"),
                    (f"{test['queries']:,}", "test queries with relevant and irrelevant texts"),
                    (figure(validation["map"]), "MAP, validation"),
                ]
            ),
            mistakes=_mistakes(self.parts.test, scoring.sigmoid(logits)),
            config=CONFIG,
        )


def _texts(rows: Sequence[Row]) -> Texts:
    return Texts.of(rows, "query", "text")


def _by_query(rows: Sequence[Row]) -> list[list[int]]:
    """The places of each query's rows, which stand together."""
    groups = groupby(range(len(rows)), key=lambda place: rows[place].query)
    return [list(places) for _, places in groups]


def _overall(rows: Sequence[Row], scores: Any) -> dict[str, float]:
    queries = _by_query(rows)
    relevances = [[rows[place].relevance for place in places] for places in queries]
    return ranking.overall(relevances, [[float(scores[place]) for place in places] for places in queries])


def _facts(rows: Sequence[Row]) -> dict[str, Any]:
    relevant = sum(row.relevance > 0 for row in rows)
    return {"rows": len(rows), "queries": len({row.query for row in rows}), "relevant": relevant}


def _mistakes(rows: Sequence[Row], scores: Any) -> Mistakes:
    """Every query with a relevant text whose first text is an irrelevant one, the surest error first."""
    wrong = []
    for places in _by_query(rows):
        ranked = sorted(places, key=lambda place: -scores[place])
        rank = next((rank for rank, place in enumerate(ranked, start=1) if rows[place].relevance > 0), 0)
        if rank > 1:
            texts = {"query": rows[ranked[0]].query, "predicted": rows[ranked[0]].text}
            right = {"expected": rows[ranked[rank - 1]].text, "rank": rank}
            wrong.append({**texts, **right, "score": round(float(scores[ranked[0]]), 4)})
    columns = (
        Column(title="query", key="query", kind="text"),
        Column(title="best relevant text", key="expected", kind="text"),
        Column(title="its rank", key="rank"),
        Column(title="ranked first", key="predicted", kind="text"),
        Column(title="score", key="score"),
    )
    return Mistakes(columns=columns, rows=sorted(wrong, key=lambda row: -row["score"]))


def open_task(options: TrainingOptions) -> TextRanking:
    """Read the files and draw the splits by query."""
    data = _read(options.data, options)
    if not any(min(query.relevances) <= 0 < max(query.relevances) for query in data.queries):
        raise NothingToRank(path=data.path)
    given = _read(options.eval_data, options) if options.eval_data else None
    draw = by_group(attrgetter("query"), path=data.path, units="queries")
    parts = divide(_rows(data), _rows(given) if given else None, draw, options=options)
    return TextRanking(
        parts=parts,
        highest=max(row.relevance for row in parts.train),
        sources={"data": _source(data), "eval_data": _source(given) if given else None},
    )


def _read(path: Path, options: TrainingOptions) -> Rankings:
    return read_rankings(
        path,
        query_column=options.query_column,
        text_column=options.text_column,
        label_column=options.label_column,
    )


def _rows(data: Rankings) -> tuple[Row, ...]:
    return tuple(
        Row(query=query.query, text=text, relevance=relevance)
        for query in data.queries
        for text, relevance in zip(query.texts, query.relevances, strict=True)
    )


def _source(data: Rankings) -> dict[str, Any]:
    rows = sum(len(query.texts) for query in data.queries)
    return {"path": str(data.path), "sha256": sha256(data.path), "rows": rows, "queries": len(data)}
