"""Labelled text: texts or pairs of texts with their labels, or with a number.

It refuses to know the file's format and what the texts are for.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tritext.columns import Cell, Column, Columns, NoSuchColumn, read_columns
from tritext.tables import RecordsError, plain_lines

__all__ = [
    "LabelledRows",
    "LabelledTexts",
    "NoSuchColumn",
    "RecordsError",
    "ScoredRows",
    "ScoredTexts",
    "open_labelled_texts",
    "open_scored_texts",
    "read_labelled_texts",
    "read_scored_texts",
    "read_texts",
]

TEXT_COLUMNS: tuple[str, ...] = (
    "text",
    "sentence",
    "utterance",
    "content",
    "message",
    "tweet",
    "body",
    "review",
    "comment",
)
"""Names under which a text column is recognised when none is given, the likeliest first."""

PAIR_COLUMNS: tuple[str, ...] = (
    *("text_pair", "hypothesis", "sentence2", "sentence_2", "text2", "text_b", "sentence_b", "question2"),
    *("positive", "passage", "document", "answer", "atext"),
)
"""Names under which the second text of a pair is recognised, the likeliest first."""

LABEL_COLUMNS: tuple[str, ...] = (
    *("label", "labels", "category", "categories", "intent", "intents", "class", "target"),
    *("sentiment", "emotion", "topic", "tag", "tags"),
)
"""Names under which a label column is recognised when none is given, the likeliest first."""

SCORE_COLUMNS: tuple[str, ...] = (
    *("score", "label", "similarity", "similarity_score", "rating", "stars", "target", "value"),
)
"""Names under which a column of numbers is recognised when none is given, the likeliest first."""

_LONGEST_WHOLE_NUMBER = 18


@dataclass(frozen=True, kw_only=True)
class LabelledTexts:
    """Texts with their labels, in the file's order; `labels[i]` holds the zero or more labels of `texts[i]`."""

    path: Path
    texts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    text_column: str
    label_column: str
    multi_label: bool
    """Whether rows may hold any number of labels; otherwise each row holds exactly one."""
    text_pairs: tuple[str, ...] | None = None
    """The second text of each row, where the rows are pairs."""

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def label_counts(self) -> dict[str, int]:
        """Rows per label, in the order of `label_names`."""
        counts = Counter(label for row in self.labels for label in row)
        return {label: counts[label] for label in sorted(counts, key=natural_order)}

    @property
    def label_names(self) -> tuple[str, ...]:
        """Every label that occurs, whole numbers by value before words by alphabet."""
        return tuple(self.label_counts)


@dataclass(frozen=True, kw_only=True)
class ScoredTexts:
    """Texts, or pairs of texts, each with a number, in the file's order."""

    path: Path
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    text_pairs: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """The rows of `LabelledTexts`, read anew each time they are gone through: text, second text if any, labels."""

    columns: Columns
    separator: str | None
    multi_label: bool

    def __iter__(self) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
        for *texts, labels in self.columns:
            text, *pair = (cell.text() for cell in texts)
            names = labels.words(self.separator) if self.multi_label else (labels.word(),)
            yield text, pair[0] if pair else None, names


@dataclass(frozen=True, kw_only=True)
class ScoredRows:
    """The rows of `ScoredTexts`, read anew each time they are gone through: text, second text if any, number."""

    columns: Columns

    def __iter__(self) -> Iterator[tuple[str, str | None, float]]:
        for *texts, score in self.columns:
            text, *pair = (cell.text() for cell in texts)
            yield text, pair[0] if pair else None, score.number()


def read_labelled_texts(
    path: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
) -> LabelledTexts:
    """Read texts and labels from CSV, TSV, JSON, JSON Lines or Parquet.

    Args:
        path: A file whose suffix names its format.
        text_column: The column of texts: a name, or a number from 0 for a delimited file without a header.
            Guessed from `TEXT_COLUMNS` if not given.
        label_column: The same for the labels, guessed from `LABEL_COLUMNS`.
        label_separator: What separates several labels in one field. With it, or where a label value is a
            list, the data are multi-label and a row may have no label at all.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    rows = open_labelled_texts(
        path, text_column=text_column, label_column=label_column, label_separator=label_separator
    )
    return labelled(rows)


def open_labelled_texts(
    path: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
) -> LabelledRows:
    """The same, row by row, for files that are larger than memory."""
    return labelled_rows(
        read_columns(path, text(text_column), label(label_column)), separator=label_separator
    )


def read_scored_texts(
    path: str | Path, *, text_column: str | None = None, score_column: str | None = None
) -> ScoredTexts:
    """Read texts and numbers, for regression; the score column is guessed from `SCORE_COLUMNS`.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    return scored(open_scored_texts(path, text_column=text_column, score_column=score_column))


def open_scored_texts(
    path: str | Path, *, text_column: str | None = None, score_column: str | None = None
) -> ScoredRows:
    """The same, row by row, for files that are larger than memory."""
    return ScoredRows(columns=read_columns(path, text(text_column), score(score_column)))


def read_texts(path: str | Path, *, text_column: str | None = None) -> list[str]:
    """Read texts alone, from any format of `read_labelled_texts` or from plain text, one text a line.

    Raises:
        RecordsError: The file, the column or a row is not usable; one sentence names the place.
    """
    path = Path(path)
    if path.suffix.lower() == ".txt":
        lines = plain_lines(path)
        return [Cell(path=path, place=place, kind="text", value=line).text() for place, line in lines]
    return [cell.text() for (cell,) in read_columns(path, text(text_column))]


def text(asked: str | None) -> Column:
    """The column of texts."""
    return Column(kind="text", usual=TEXT_COLUMNS, asked=asked)


def label(asked: str | None) -> Column:
    """The column of labels."""
    return Column(kind="label", usual=LABEL_COLUMNS, asked=asked)


def score(asked: str | None) -> Column:
    """The column of numbers."""
    return Column(kind="score", usual=SCORE_COLUMNS, asked=asked)


def labelled_rows(columns: Columns, *, separator: str | None) -> LabelledRows:
    """The rows of columns that are text, text pair if any, and label."""
    multi_label = bool(separator) or any(isinstance(cell.value, list) for *_, cell in columns)
    return LabelledRows(columns=columns, separator=separator, multi_label=multi_label)


def labelled(rows: LabelledRows) -> LabelledTexts:
    """All the rows at once."""
    texts, pairs, labels = zip(*rows, strict=True)
    names = rows.columns.names
    return LabelledTexts(
        path=rows.columns.path,
        texts=texts,
        text_pairs=None if pairs[0] is None else pairs,
        labels=labels,
        text_column=str(names[0]),
        label_column=str(names[-1]),
        multi_label=rows.multi_label,
    )


def scored(rows: ScoredRows) -> ScoredTexts:
    """All the rows at once."""
    texts, pairs, scores = zip(*rows, strict=True)
    return ScoredTexts(
        path=rows.columns.path,
        texts=texts,
        text_pairs=None if pairs[0] is None else pairs,
        scores=scores,
    )


def natural_order(label: str) -> tuple[int, int, str]:
    """A sorting key: whole numbers by value, then words by alphabet."""
    whole = len(label) <= _LONGEST_WHOLE_NUMBER and label.isascii() and label.removeprefix("-").isdecimal()
    return (0, int(label), label) if whole else (1, 0, label)
