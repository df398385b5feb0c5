"""How good rankings are: mean reciprocal rank, mean average precision and nDCG. Knows relevances and scores only.

Conventions: a text is relevant if its relevance is above 0. Only queries with at least one relevant and one irrelevant text
count, since every order of the others is as good as any (the "clean" TREC QA of Rao et al. 2016,
https://doi.org/10.1145/2983323.2983872). Ranks go to the end of the list. Of equal scores the less relevant text ranks
first, so that a model that tells nothing apart gains nothing from the order of the file.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

CUTOFF = 10

Numbers = npt.NDArray[np.float64]


def overall(relevances: Sequence[Sequence[float]], scores: Sequence[Sequence[float]]) -> dict[str, float]:
    """MRR, MAP and nDCG@10, each from 0 to 1, and how many queries count.

    Args:
        relevances: Of the texts of each query, in any order; 0, or greater for the relevant ones.
        scores: Of the same texts in the same order, greater for better ones.

    Reciprocal rank and average precision as in trec_eval; nDCG with linear gains, discounted by the logarithm of the
    rank (Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418). All are 0 if no query counts.
    """
    ranked = [_ranked(*query) for query in zip(relevances, scores, strict=True)]
    counted = [query for query in ranked if (query > 0).any() and (query <= 0).any()]

    def mean(figures: Sequence[float]) -> float:
        return float(np.mean(figures)) if figures else 0.0

    return {
        "mrr": mean([_reciprocal_rank(query) for query in counted]),
        "map": mean([_average_precision(query) for query in counted]),
        f"ndcg_at_{CUTOFF}": mean([_ndcg(query) for query in counted]),
        "queries": len(counted),
    }


def _ranked(relevances: Sequence[float], scores: Sequence[float]) -> Numbers:
    """The relevances, best score first."""
    relevant, score = np.asarray(relevances, np.float64), np.asarray(scores, np.float64)
    if relevant.shape != score.shape:
        raise ValueError(f"{relevant.shape} relevances for {score.shape} scores")
    best_first: Numbers = relevant[np.lexsort((relevant, -score))]
    return best_first


def _reciprocal_rank(ranked: Numbers) -> float:
    return float(1 / (1 + np.argmax(ranked > 0)))


def _average_precision(ranked: Numbers) -> float:
    ranks = 1 + np.flatnonzero(ranked > 0)
    return float((np.arange(1, len(ranks) + 1) / ranks).mean())


def _ndcg(ranked: Numbers) -> float:
    return _dcg(ranked) / _dcg(np.sort(ranked)[::-1])


def _dcg(ranked: Numbers) -> float:
    gains = np.maximum(ranked[:CUTOFF], 0)
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())
