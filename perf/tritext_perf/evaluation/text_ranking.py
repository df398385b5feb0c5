"""Text ranking: queries and their texts by MRR, MAP and nDCG@10."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tritext.metrics import ranking
from tritext.pairs import Ranking, read_rankings
from tritext.results import Ranked
from tritext_perf.evaluation.evaluation import (
    Ask,
    Evaluation,
    Figures,
    Options,
    Served,
    largest_difference,
    share,
)


@dataclass(frozen=True, kw_only=True)
class TextRanking(Evaluation):
    """Each answer is the score of each text of a query, in the order of the data."""

    task = "text-ranking"
    columns = ("query", "text", "label")
    noun = "queries"
    rankings: tuple[Ranking, ...]

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:  # noqa: ARG003
        data = read_rankings(path, **options.named(*cls.columns))
        items = tuple((each.query, each.texts) for each in data.queries)
        return cls(path=path, items=items, rankings=data.queries)

    def answers(self, ask: Ask) -> Iterator[list[float]]:
        return map(_in_order, ask(self.items))

    def overall(self, answers: Sequence[list[float]]) -> Figures:
        return ranking.overall([each.relevances for each in self.rankings], answers)

    def agreement(self, served: Sequence[list[float]], original: Sequence[list[float]]) -> Figures:
        return order_agreement(served, original)


def order_agreement(served: Sequence[list[float]], original: Sequence[list[float]]) -> Figures:
    """The share of queries whose texts are in the same order, and the largest difference of a score."""
    pairs = list(zip(served, original, strict=True))
    return {
        "orders": share([_order(one) == _order(other) for one, other in pairs]),
        "largest_difference": max(largest_difference(one, other) for one, other in pairs),
    }


def _in_order(ranked: Sequence[Ranked]) -> list[float]:
    scores = {each.corpus_id: each.score for each in ranked}
    return [scores[place] for place in range(len(ranked))]


def _order(scores: Sequence[float]) -> list[int]:
    best_first: list[int] = np.argsort(-np.asarray(scores), kind="stable").tolist()
    return best_first
