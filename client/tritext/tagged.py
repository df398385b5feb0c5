"""Tagged text, for token classification: texts cut into tokens, each token with its tag and its place.

It refuses to know word pieces and what a tag stands for; where one entity ends is `tritext.metrics.spans`'s to say.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from tritext.columns import Cell, Column, find, pick, table_for
from tritext.records import TEXT_COLUMNS, natural_order
from tritext.tables import BadRow, plain_lines

OUTSIDE = "O"
"""The tag of a token that belongs to nothing."""

TABLES = (".csv", ".json", ".jsonl", ".ndjson", ".parquet")
"""Suffixes of files with a row per text; every other file is read as columns with a line per token."""

TOKEN_COLUMNS = ("tokens", "words")
TAG_COLUMNS = ("tags", "ner_tags", "pos_tags", "chunk_tags", "labels")
SPAN_COLUMNS = ("spans", "entities", "annotations", "labels", "label")
SPAN_LABELS = ("label", "type", "entity", "tag")
"""Names under which an entity's label stands in its JSON object."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_PUNCTUATION = "\u2000-\u206f\u3000-\u303f\uff00-\uff0f"
_TOKEN = re.compile(
    rf"[{_IDEOGRAPHS}]|(?:[^\W{_IDEOGRAPHS}]|[^\x00-\xbf\s{_IDEOGRAPHS}{_PUNCTUATION}])+|\S", re.UNICODE
)
"""An ideograph, a run of letters with their marks, or another character that is no blank."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """An entity's place in its text: characters `start` to `end`, the last not included."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, kw_only=True)
class TaggedText:
    """A text and its tokens: token i is the characters `offsets[i]`, its tag `tags[i]`, such as "B-person" or "O"."""

    text: str
    offsets: tuple[tuple[int, int], ...]
    tags: tuple[str, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(self.text[start:end] for start, end in self.offsets)


@dataclass(frozen=True, kw_only=True)
class TaggedTexts:
    """Tagged texts in the file's order."""

    path: Path
    rows: tuple[TaggedText, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(row.text for row in self.rows)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Every tag that occurs: "O" first, then by what is tagged, B- before I-."""
        found = {tag for row in self.rows for tag in row.tags}
        return tuple(sorted(found, key=_tag_order))


def read_tagged_texts(
    path: str | Path,
    *,
    text_column: str | None = None,
    tokens_column: str | None = None,
    tags_column: str | None = None,
    spans_column: str | None = None,
) -> TaggedTexts:
    """Read tagged texts.

    CSV, JSON, JSON Lines and Parquet hold a row per text: lists of tokens and of tags (or both as texts with blanks
    between), or the text and a list of spans, `{"start", "end", "label"}` or `[start, end, label]`, counted in
    characters. Any other file has a line per token, as CoNLL's: the token in the first column, its tag in the last,
    a line without either between texts. The text of tokens is the tokens with a blank between; the tags of
    spans are B- and I- on the text's words.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    path = Path(path)
    if path.suffix.lower() not in TABLES:
        return TaggedTexts(path=path, rows=tuple(_sentences(path)))
    tokens = Column(kind="tokens", usual=TOKEN_COLUMNS, asked=tokens_column)
    tags = Column(kind="tags", usual=TAG_COLUMNS, asked=tags_column)
    text = Column(kind="text", usual=TEXT_COLUMNS, asked=text_column)
    spans = Column(kind="spans", usual=SPAN_COLUMNS, asked=spans_column)
    table = table_for(path, tokens, tags, text, spans)
    by_tokens = tokens_column is not None or (spans_column is None and find(table, tokens) is not None)
    row_of, wanted = (_of_tokens, (tokens, tags)) if by_tokens else (_of_spans, (text, spans))
    return TaggedTexts(path=path, rows=tuple(row_of(*cells) for cells in pick(path, table, *wanted)))


def _tag_order(tag: str) -> tuple[Any, ...]:
    prefix, _, label = tag.partition("-")
    return (tag != OUTSIDE, natural_order(label or prefix), prefix)


# ---- tokens and tags


def _sentences(path: Path) -> Iterator[TaggedText]:
    """The texts of a file with a token a line."""
    tokens: list[str] = []
    tags: list[str] = []
    for place, line in (*plain_lines(path), ("", "")):
        if line.strip() and not line.startswith("-DOCSTART-"):
            token, tag = _fields(path, place, line)
            tokens.append(token)
            tags.append(tag)
        elif tokens:
            yield _joined(tokens, tags)
            tokens, tags = [], []


def _fields(path: Path, place: str, line: str) -> tuple[str, str]:
    fields = line.split("\t") if "\t" in line else line.split()
    if len(fields) < 2 or not fields[0] or not fields[-1].strip():  # noqa: PLR2004
        raise BadRow(path=path, place=place, problem=f"expected a token and its tag, got {line[:60]!r}")
    return fields[0], fields[-1].strip()


def _of_tokens(tokens: Cell, tags: Cell) -> TaggedText:
    words = [tokens.of(token, kind="token").text() for token in tokens.items()]
    names = [_tag(tags, tag) for tag in tags.items()]
    if len(words) != len(names):
        raise tags.bad(f"expected a tag for each of the {len(words)} tokens, got {len(names)}")
    if not words:
        raise tokens.bad("the tokens are missing or empty")
    return _joined(words, names)


def _tag(cell: Cell, tag: Any) -> str:
    if not isinstance(tag, str):
        raise cell.bad(f"a tag must be a name such as B-person or O, got {tag!r:.60}")
    return cell.of(tag, kind="tag").word()


def _joined(tokens: Sequence[str], tags: Sequence[str]) -> TaggedText:
    ends = [end - 1 for end in accumulate(len(token) + 1 for token in tokens)]
    offsets = tuple((end - len(token), end) for token, end in zip(tokens, ends, strict=True))
    return TaggedText(text=" ".join(tokens), offsets=offsets, tags=tuple(tags))


# ---- text and spans


def _of_spans(cell: Cell, marked: Cell) -> TaggedText:
    text = cell.text()
    spans = sorted((_span(marked, text, mark) for mark in _marks(marked)), key=lambda span: span.start)
    for one, other in pairwise(spans):
        if other.start < one.end:
            raise marked.bad(f"two entities overlap: {text[one.start : other.end]!r:.60}")
    words = [word for span in _gaps(spans, len(text)) for word in _words(text, span)]
    return TaggedText(
        text=text,
        offsets=tuple((word.start, word.end) for word in words),
        tags=tuple(word.label for word in words),
    )


def _marks(cell: Cell) -> list[Any]:
    if cell.value is None:
        return []
    if not isinstance(cell.value, list):
        raise cell.bad(f"expected a list of spans, got {cell.value!r:.60}")
    return cell.value


def _span(cell: Cell, text: str, mark: Any) -> Span:
    """A span in either of its notations, checked against its text."""
    if isinstance(mark, dict):
        mark = (
            mark.get("start"),
            mark.get("end"),
            next((mark[key] for key in SPAN_LABELS if key in mark), None),
        )
    try:
        start, end, label = mark
    except (TypeError, ValueError):
        start = end = label = None
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(label, str) and label.strip()):
        raise cell.bad(f'a span must be like {{"start": 0, "end": 5, "label": "person"}}, got {mark!r:.80}')
    if not (0 <= start < end <= len(text) and text[start:end].strip()):
        raise cell.bad(f"characters {start} to {end} are no entity in a text of {len(text)} characters")
    return Span(start=start, end=end, label=label.strip())


def _gaps(spans: Sequence[Span], length: int) -> Iterator[Span]:
    """The spans, and between them what is outside of all."""
    at = 0
    for span in spans:
        yield Span(start=at, end=span.start, label=OUTSIDE)
        yield span
        at = span.end
    yield Span(start=at, end=length, label=OUTSIDE)


def _words(text: str, span: Span) -> Iterator[Span]:
    """The words of a span, each with its tag."""
    for order, word in enumerate(_TOKEN.finditer(text, span.start, span.end)):
        prefix = "" if span.label == OUTSIDE else "I-" if order else "B-"
        yield Span(start=word.start(), end=word.end(), label=prefix + span.label)
