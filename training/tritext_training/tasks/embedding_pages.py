"""How sentence embeddings are judged and shown: who finds the own pair, or how near cosines are to the right ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tritext_training import figures
from tritext_training.sections import Column, Mistakes, Section, Shown, figure, text_columns

Vectors = npt.NDArray[np.float32]
Metrics = dict[str, dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Two texts, and the cosine that they should have, where that is known; otherwise they belong together."""

    text: str
    pair: str
    cosine: float = 1.0


def numbers(rows: Sequence[Row]) -> dict[str, int]:
    """A number for each different text."""
    texts = dict.fromkeys(text for row in rows for text in (row.text, row.pair))
    return {text: number for number, text in enumerate(texts)}


def ranks(rows: Sequence[Row], first: Vectors, second: Vectors) -> tuple[list[Any], list[Any]]:
    """Relevances and scores of every different pair text for every different first text.

    `first[i]` and `second[i]` are the vectors of row i.
    """
    queries = {row.text: place for place, row in enumerate(rows)}
    texts = {row.pair: place for place, row in enumerate(rows)}
    column = {text: place for place, text in enumerate(texts)}
    line = {query: place for place, query in enumerate(queries)}
    scores = first[list(queries.values())] @ second[list(texts.values())].T
    relevances = np.zeros(scores.shape, np.int8)
    for row in rows:
        relevances[line[row.text], column[row.pair]] = 1
    return list(relevances), list(scores)


def by_rank(metrics: Metrics, rows: Sequence[Row], first: Vectors, second: Vectors) -> tuple[Shown, Mistakes]:
    test = metrics["test"]
    keys = [
        (figure(test["mrr"]), "MRR, test"),
        (figure(test["map"]), "MAP, test"),
        (figure(test["ndcg_at_10"]), "nDCG@10, test"),
        (f"{len({row.pair for row in rows}):,}", "texts to choose from"),
        (figure(metrics["validation"]["mrr"]), "MRR, validation"),
    ]
    return Shown(key_figures=keys), _misplaced(rows, first, second)


def _misplaced(rows: Sequence[Row], first: Vectors, second: Vectors) -> Mistakes:
    """Every text that is nearer to another's pair than to its own, those whose own comes last first."""
    relevances, scores = ranks(rows, first, second)
    queries, texts = (
        list(dict.fromkeys(row.text for row in rows)),
        list(dict.fromkeys(row.pair for row in rows)),
    )
    wrong: list[dict[str, Any]] = []
    for query, own, score in zip(queries, relevances, scores, strict=True):
        best, nearest = int(np.where(own > 0, score, -np.inf).argmax()), int(score.argmax())
        if not own[nearest]:
            found = {"text": query, "expected": texts[best], "predicted": texts[nearest]}
            rank = 1 + int((score > score[best]).sum())
            wrong.append({**found, "rank": rank, "score": round(float(score[nearest]), 4)})
    columns = (
        Column(title="text", key="text", kind="text"),
        Column(title="own pair", key="expected", kind="text"),
        Column(title="its rank", key="rank"),
        Column(title="nearest", key="predicted", kind="text"),
        Column(title="cosine", key="score"),
    )
    ordered = sorted(wrong, key=lambda row: row["rank"], reverse=True)
    return Mistakes(columns=columns, rows=ordered, worst="found their own pair latest")


def by_cosine(
    metrics: Metrics, rows: Sequence[Row], first: Vectors, second: Vectors
) -> tuple[Shown, Mistakes]:
    test, cosines = metrics["test"], (first * second).sum(axis=-1).tolist()
    section = Section(
        title="Cosines and scores",
        picture=figures.scatter([row.cosine for row in rows], cosines),
        picture_note="One point per test pair; the order counts, which is what Spearman's correlation measures.",
        alt="Predicted over expected cosines",
    )
    keys = [
        (figure(test["spearman"]), "Spearman correlation, test"),
        (figure(test["pearson"]), "Pearson correlation, test"),
        (figure(test["mse"]), "mean squared error, test"),
        (figure(metrics["validation"]["spearman"]), "Spearman correlation, validation"),
    ]
    return Shown(key_figures=keys, sections=[section]), _far_off(rows, cosines)


def _far_off(rows: Sequence[Row], cosines: Sequence[float]) -> Mistakes:
    """Every test pair, the one furthest off first."""
    listed: list[dict[str, Any]] = [
        {
            "text": row.text,
            "text_pair": row.pair,
            "expected": round(row.cosine, 4),
            "predicted": round(cosine, 4),
            "error": round(cosine - row.cosine, 4),
        }
        for row, cosine in zip(rows, cosines, strict=True)
    ]
    judged = [Column(title=key, key=key) for key in ("expected", "predicted", "error")]
    return Mistakes(
        columns=(*text_columns(pairs=True), *judged),
        rows=sorted(listed, key=lambda row: -abs(row["error"])),
        worst="were furthest off",
    )
