"""Feature extraction: the cosine of two embeddings against how similar their texts are, or as a ranking of texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tritext.columns import NoSuchColumn
from tritext.metrics import ranking, similarity
from tritext.pairs import Ranking, read_rankings, read_scored_pairs
from tritext_perf.evaluation.evaluation import Ask, Evaluation, Figures, Options, Served, largest_difference
from tritext_perf.evaluation.text_ranking import order_agreement

Embedding = npt.NDArray[np.float32]
"""FP32 [hidden]."""


@dataclass(frozen=True, kw_only=True)
class FeatureExtraction(Evaluation):
    """Pairs of texts; each answer is the cosine of their embeddings."""

    task = "feature-extraction"
    columns = ("text", "text_pair", "score", "query", "label")
    noun = "pairs"
    truth: tuple[float, ...]

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:
        """Rankings where the file has queries, else scored pairs."""
        if not {"text_pair", "score"} & set(options.columns):
            try:
                return Retrieval.read(path, served, options)
            except NoSuchColumn:
                if {"query", "label"} & set(options.columns):
                    raise
        data = read_scored_pairs(path, **options.named("text", "text_pair", "score"))
        pairs = zip(data.texts, data.text_pairs or (), strict=True)
        return cls(path=path, items=tuple(pairs), truth=data.scores)

    def answers(self, ask: Ask) -> Iterator[float]:
        embeddings = ask(chain.from_iterable(self.items))
        return (_cosines(one, [other])[0] for one, other in zip(embeddings, embeddings, strict=True))

    def overall(self, answers: Sequence[float]) -> Figures:
        figures = similarity.overall(self.truth, answers)
        return {name: figures[name] for name in ("spearman", "pearson")}

    def agreement(self, served: Sequence[float], original: Sequence[float]) -> Figures:
        return {"largest_difference": largest_difference(served, original)}


@dataclass(frozen=True, kw_only=True)
class Retrieval(Evaluation):
    """Queries with their texts; each answer is the cosine of each text's embedding with the query's."""

    task = "feature-extraction"
    columns = FeatureExtraction.columns
    noun = "queries"

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:  # noqa: ARG003
        data = read_rankings(path, **options.named("query", "text", "label"))
        return cls(path=path, items=data.queries)

    def answers(self, ask: Ask) -> Iterator[list[float]]:
        rankings: Sequence[Ranking] = self.items
        embeddings = ask(text for each in rankings for text in (each.query, *each.texts))
        for each in rankings:
            yield _cosines(next(embeddings), list(islice(embeddings, len(each.texts))))

    def overall(self, answers: Sequence[list[float]]) -> Figures:
        return ranking.overall([each.relevances for each in self.items], answers)

    def agreement(self, served: Sequence[list[float]], original: Sequence[list[float]]) -> Figures:
        return order_agreement(served, original)


def _cosines(one: Embedding, others: Sequence[Embedding]) -> list[float]:
    """Of `one` with each of the others; what embeds to nothing has 0."""
    rows = np.stack(others).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(one)
    cosines: list[float] = (rows @ one / np.where(lengths > 0, lengths, 1)).tolist()
    return cosines
