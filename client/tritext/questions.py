"""Questions about contexts, for question answering: SQuAD's files, and tables with a question a row.

It refuses to know how an answer is found, and how good one is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tritext.columns import Cell, Column, pick, table_for
from tritext.tables import BadRow, NoRows, read_json

ANSWER_COLUMNS = ("answers", "answer", "answer_text")
START_COLUMNS = ("answer_start", "answer_starts", "start")


@dataclass(frozen=True, kw_only=True)
class GoldAnswer:
    """A right answer; `start` is its first character's place in the context, None if it does not stand there."""

    text: str
    start: int | None


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, its context and its right answers, which are several people's; none if the context has none."""

    id: str
    question: str
    context: str
    answers: tuple[GoldAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Questions in the file's order."""

    path: Path
    rows: tuple[Question, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def any_unanswerable(self) -> bool:
        """Whether some context does not answer its question, as in SQuAD 2."""
        return any(not row.answers for row in self.rows)


def read_questions(
    path: str | Path,
    *,
    question_column: str | None = None,
    context_column: str | None = None,
    answer_column: str | None = None,
    answer_start_column: str | None = None,
) -> Questions:
    """Read questions from SQuAD's JSON (1.1 or 2.0) or from CSV, TSV, JSON, JSON Lines or Parquet.

    In a table the answer is a text, a list of texts, or SQuAD's `{"text": […], "answer_start": […]}` or list of such
    objects; no text, or an empty one, is no answer. Where an answer comes without a start, it is where the answer
    first stands in the context.

    Raises:
        RecordsError: The file, a column or a row is not usable; one sentence names the place.
    """
    path = Path(path)
    if (articles := _articles(path)) is not None:
        rows = tuple(_of_squad(path, articles))
        if not rows:
            raise NoRows(path=path)
        return Questions(path=path, rows=rows)
    wanted = (
        Column(kind="question", usual=("question", "query"), asked=question_column),
        Column(
            kind="context",
            usual=("context", "passage", "paragraph", "document", "text"),
            asked=context_column,
        ),
        Column(kind="answer", usual=ANSWER_COLUMNS, asked=answer_column),
        Column(kind="answer start", usual=START_COLUMNS, asked=answer_start_column, optional=True),
        Column(kind="id", usual=("id", "qid"), optional=True),
    )
    cells = pick(path, table_for(path, *wanted), *wanted)
    return Questions(path=path, rows=tuple(_of_row(*row) for row in cells))


# ---- SQuAD's own JSON: https://rajpurkar.github.io/SQuAD-explorer/


def _articles(path: Path) -> list[Any] | None:
    """The articles of a SQuAD file; None for every other file."""
    if path.suffix.lower() != ".json":
        return None
    try:
        document = read_json(path)
    except BadRow:  # not one document: perhaps one a line
        return None
    articles = document.get("data") if isinstance(document, dict) else None
    return articles if isinstance(articles, list) else None


def _of_squad(path: Path, articles: list[Any]) -> Iterator[Question]:
    for number, article in enumerate(articles, start=1):
        place = f"article {number}"
        for paragraph in _entries(path, place, article, "paragraphs"):
            for asked in _entries(path, place, paragraph, "qas"):
                cell = Cell(
                    path=path, place=f"question {asked.get('id')!r}", kind="id", value=asked.get("id")
                )
                right = None if asked.get("is_impossible") else asked.get("answers")
                yield _of_row(
                    cell.of(asked.get("question"), kind="question"),
                    cell.of(paragraph.get("context"), kind="context"),
                    cell.of(right, kind="answer"),
                    cell.of(None),
                    cell,
                )


def _entries(path: Path, place: str, holder: Any, name: str) -> list[Mapping[str, Any]]:
    entries = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadRow(
            path=path, place=place, problem=f"expected a list of objects called {name!r}, as SQuAD has it"
        )
    return entries


# ---- one question


def _of_row(question: Cell, context: Cell, answer: Cell, start: Cell, name: Cell) -> Question:
    text = context.text()
    return Question(
        id=name.place if name.missing else name.word(),
        question=question.text(),
        context=text,
        answers=tuple(_located(answer, text, *found) for found in _answers(answer, start)),
    )


def _answers(answer: Cell, start: Cell) -> list[tuple[Any, Any]]:
    """Texts and starts, in whichever notation they stand; a start that is not told is None."""
    texts: Any = answer.value
    starts: Any = start.value
    if isinstance(texts, dict):
        texts, starts = texts.get("text"), texts.get("answer_start")
    texts, starts = (value if isinstance(value, list) else [value] for value in (texts, starts))
    if all(isinstance(entry, dict) for entry in texts):
        found = [(entry.get("text"), entry.get("answer_start")) for entry in texts]
    else:
        found = list(zip_longest(texts, starts[: len(texts)]))
    return [(text, at) for text, at in found if not answer.of(text).missing]


def _located(cell: Cell, context: str, answer: Any, start: Any) -> GoldAnswer:
    text = answer if isinstance(answer, str) else cell.of(answer).word()
    if cell.of(start).missing:
        at = context.find(text)
        return GoldAnswer(text=text, start=at if at >= 0 else None)
    at = int(cell.of(start).number())
    if at < 0 or not context.startswith(text, at):
        raise cell.bad(f"the answer {text!r:.60} does not stand at character {at} of its context")
    return GoldAnswer(text=text, start=at)
