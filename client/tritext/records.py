"""Labelled text: knows which columns of a data file hold the texts and their labels, and what a label may be.

It refuses to know the file's format and what the texts are for. Whatever is wrong is one sentence that
names the place.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.tables import BadRow, RecordsError, plain_lines, read_table

__all__ = ["LabelledTexts", "NoSuchColumn", "RecordsError", "read_labelled_texts", "read_texts"]

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

LABEL_COLUMNS: tuple[str, ...] = (
    *("label", "labels", "category", "categories", "intent", "intents", "class", "target"),
    *("sentiment", "emotion", "topic", "tag", "tags"),
)
"""Names under which a label column is recognised when none is given, the likeliest first."""


_SHOWN_COLUMNS = 20
_LONGEST_WHOLE_NUMBER = 18


class NoSuchColumn(RecordsError):
    """A column was named, or must be guessed, that the file does not have."""

    def __init__(self, *, path: Path, kind: str, wanted: str | None, columns: Sequence[str]) -> None:
        there = ", ".join(repr(column[:40]) for column in columns[:_SHOWN_COLUMNS])
        there += ", …" if len(columns) > _SHOWN_COLUMNS else ""
        asked = f"no column {wanted!r}" if wanted else f"no column that is clearly the {kind}"
        super().__init__(
            f"{path} has {asked}; its columns are {there}: choose with --{kind}-column NAME "
            "(or a number, counted from 0, where the file has no header)."
        )


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

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def label_counts(self) -> dict[str, int]:
        """Rows per label, in the order of `label_names`."""
        counts = Counter(label for row in self.labels for label in row)
        return {label: counts[label] for label in sorted(counts, key=_natural_order)}

    @property
    def label_names(self) -> tuple[str, ...]:
        """Every label that occurs, whole numbers by value before words by alphabet."""
        return tuple(self.label_counts)


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
    path = Path(path)
    table = read_table(path, wanted=_given(text_column, label_column))
    text_at = _column(path, table.columns, "text", text_column, TEXT_COLUMNS)
    label_at = _column(path, table.columns, "label", label_column, LABEL_COLUMNS)
    if text_at == label_at:
        raise NoSuchColumn(path=path, kind="label", wanted=None, columns=table.columns)
    values = [row[label_at] for _, row in table.rows]
    multi_label = bool(label_separator) or any(isinstance(value, list) for value in values)
    return LabelledTexts(
        path=path,
        texts=tuple(_text(path, place, row[text_at]) for place, row in table.rows),
        labels=tuple(
            _labels(path, place, row[label_at], separator=label_separator, multi_label=multi_label)
            for place, row in table.rows
        ),
        text_column=table.columns[text_at],
        label_column=table.columns[label_at],
        multi_label=multi_label,
    )


def read_texts(path: str | Path, *, text_column: str | None = None) -> list[str]:
    """Read texts alone, from any format of `read_labelled_texts` or from plain text, one text a line.

    Raises:
        RecordsError: The file, the column or a row is not usable; one sentence names the place.
    """
    path = Path(path)
    if path.suffix.lower() == ".txt":
        rows = plain_lines(path)
        return [_text(path, place, line) for place, line in rows]
    table = read_table(path, wanted=_given(text_column))
    at = _column(path, table.columns, "text", text_column, TEXT_COLUMNS)
    return [_text(path, place, row[at]) for place, row in table.rows]


def _given(*columns: str | None) -> list[str]:
    return [column for column in columns if column is not None]


def _natural_order(label: str) -> tuple[int, int, str]:
    whole = len(label) <= _LONGEST_WHOLE_NUMBER and label.isascii() and label.removeprefix("-").isdecimal()
    return (0, int(label), label) if whole else (1, 0, label)


# ---- columns and values


def _column(path: Path, columns: Sequence[str], kind: str, wanted: str | None, usual: Sequence[str]) -> int:
    if wanted is not None:
        if wanted in columns:
            return columns.index(wanted)
        raise NoSuchColumn(path=path, kind=kind, wanted=wanted, columns=columns)
    folded = [column.strip().casefold() for column in columns]
    for name in usual:
        if name in folded:
            return folded.index(name)
    raise NoSuchColumn(path=path, kind=kind, wanted=None, columns=columns)


def _text(path: Path, place: str, value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadRow(path=path, place=place, problem="the text is missing or empty")
    if not isinstance(value, str):
        raise BadRow(
            path=path, place=place, problem=f"expected a text, got {json.dumps(value, default=str)[:60]}"
        )
    return _encodable(path, place, value)


def _labels(
    path: Path, place: str, value: Any, *, separator: str | None, multi_label: bool
) -> tuple[str, ...]:
    if multi_label and value is None:
        parts = []
    elif multi_label and isinstance(value, list):
        parts = value
    elif separator and isinstance(value, str):
        parts = [part for part in value.split(separator) if part.strip()]
    else:
        parts = [value]
    return tuple(dict.fromkeys(_label(path, place, part) for part in parts))


def _label(path: Path, place: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise BadRow(path=path, place=place, problem="the label is missing")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not isinstance(value, str | int | float):
        raise BadRow(path=path, place=place, problem=f"a label must be a word or a number, got {value!r:.60}")
    label = str(value).strip()
    if not label:
        raise BadRow(path=path, place=place, problem="the label is missing or empty")
    return _encodable(path, place, label)


def _encodable(path: Path, place: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRow(
            path=path, place=place, problem="half of a surrogate pair is no valid Unicode text"
        ) from error
    return text
