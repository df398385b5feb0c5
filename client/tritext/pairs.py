"""Pairs of texts: with a label, with a number, with neither, or as queries whose texts are relevant or not.

It refuses to know the file's format and what becomes of the pairs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tritext.columns import Cell, Column, read_columns
from tritext.records import (
    PAIR_COLUMNS,
    TEXT_COLUMNS,
    LabelledRows,
    LabelledTexts,
    ScoredRows,
    ScoredTexts,
    label,
    labelled,
    labelled_rows,
    score,
    scored,
)

FIRST_COLUMNS: tuple[str, ...] = (
    *("text", "premise", "sentence1", "sentence_1", "text1", "text_a", "sentence_a", "question1"),
    *("anchor", "query", "question", "qtext"),
)
"""Names under which the first text of a pair is recognised, the likeliest first."""

QUERY_COLUMNS: tuple[str, ...] = ("query", "question", "qtext")
"""Names under which a column of queries is recognised, the likeliest first."""

PASSAGE_COLUMNS: tuple[str, ...] = (
    *("passage", "document", "atext", "answer", "candidate"),
    *TEXT_COLUMNS,
)
"""Names under which the texts that a query is compared with are recognised, the likeliest first."""

RELEVANCE_COLUMNS: tuple[str, ...] = ("relevance", "label", "relevant", "score", "qrel")
"""Names under which a column of relevance is recognised, the likeliest first."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A query and its texts, in the file's order; a text is relevant where its relevance is above 0."""

    query: str
    texts: tuple[str, ...]
    relevances: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Rankings:
    """Queries in the order in which they first occur, each once."""

    path: Path
    queries: tuple[Ranking, ...]

    def __len__(self) -> int:
        return len(self.queries)


def read_pairs(
    path: str | Path,
    *,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
) -> LabelledTexts:
    """Read pairs with their labels; `text_pairs[i]` belongs to `texts[i]`.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    return labelled(
        open_pairs(
            path,
            text_column=text_column,
            text_pair_column=text_pair_column,
            label_column=label_column,
            label_separator=label_separator,
        )
    )


def open_pairs(
    path: str | Path,
    *,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
) -> LabelledRows:
    """The same, row by row, for files that are larger than memory."""
    columns = read_columns(path, *_pair(text_column, text_pair_column), label(label_column))
    return labelled_rows(columns, separator=label_separator)


def read_scored_pairs(
    path: str | Path,
    *,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    score_column: str | None = None,
) -> ScoredTexts:
    """Read pairs with a number each, such as how similar they are.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    return scored(
        open_scored_pairs(
            path, text_column=text_column, text_pair_column=text_pair_column, score_column=score_column
        )
    )


def open_scored_pairs(
    path: str | Path,
    *,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    score_column: str | None = None,
) -> ScoredRows:
    """The same, row by row, for files that are larger than memory."""
    columns = read_columns(path, *_pair(text_column, text_pair_column), score(score_column))
    return ScoredRows(columns=columns)


def read_plain_pairs(
    path: str | Path, *, text_column: str | None = None, text_pair_column: str | None = None
) -> tuple[tuple[str, str], ...]:
    """Read pairs that belong together, such as questions and their answers.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    columns = read_columns(path, *_pair(text_column, text_pair_column))
    return tuple((one.text(), other.text()) for one, other in columns)


def read_rankings(
    path: str | Path,
    *,
    query_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Rankings:
    """Read queries, texts and the relevance of each text to its query: 0 and 1, true and false, or grades.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    columns = read_columns(
        path,
        Column(kind="query", usual=QUERY_COLUMNS, asked=query_column),
        Column(kind="text", usual=PASSAGE_COLUMNS, asked=text_column),
        Column(kind="label", usual=RELEVANCE_COLUMNS, asked=label_column),
    )
    return Rankings(path=columns.path, queries=_grouped(columns))


def _pair(first: str | None, second: str | None) -> tuple[Column, Column]:
    return (
        Column(kind="text", usual=FIRST_COLUMNS, asked=first),
        Column(kind="text pair", usual=PAIR_COLUMNS, asked=second),
    )


def _grouped(rows: Iterable[tuple[Cell, ...]]) -> tuple[Ranking, ...]:
    groups: dict[str, list[tuple[str, float]]] = {}
    for query, passage, relevance in rows:
        groups.setdefault(query.text(), []).append((passage.text(), relevance.number()))
    return tuple(
        Ranking(query=query, texts=texts, relevances=relevances)
        for query, (texts, relevances) in ((query, zip(*rows, strict=True)) for query, rows in groups.items())
    )
