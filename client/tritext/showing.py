"""Answers on standard output: a table or lines for people, JSON for programs. Knows what a task's answers look like in cells."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich.markup import escape

from tritext.console import err, out, print_json
from tritext.sources import Source
from tritext.task import Task

Answered = Iterable[tuple[Any, Any]]
"""Items with their answers; an item that could not be answered has its error."""

MOST_CHARACTERS = 80


def as_json(answered: Answered, _task: Task, _source: Source) -> int:
    """Print one JSON document for each item; returns the number of bad items."""

    def write(_item: Any, answer: Any) -> None:
        print_json({"error": str(answer)} if isinstance(answer, Exception) else answer)

    return _written(answered, write)


def as_lines(answered: Answered, task: Task, source: Source) -> int:
    """Print a line for each part of an answer, its cells separated by tabs, the item last."""

    def write(item: Any, answer: Any) -> None:
        if isinstance(answer, Exception):
            _complain(answer)
            return
        for cells in task.cells(item, answer):
            print("\t".join([*map(_on_one_line, cells), title(item, source)]))  # noqa: T201

    return _written(answered, write)


def as_table(answered: Answered, task: Task, source: Source) -> int:
    """Print one table when all is answered; returns the number of bad items."""
    from rich.table import Table  # noqa: PLC0415 - only where one is drawn
    from rich.text import Text  # noqa: PLC0415

    table, bad = Table(heading(source)), 0
    for name in task.headings:
        table.add_column(name, justify="right" if name == "score" else "left")
    for item, answer in answered:
        if isinstance(answer, Exception):
            _complain(answer)
            bad += 1
            continue
        rows = task.cells(item, answer) or [("",) * len(task.headings)]
        for place, cells in enumerate(rows):
            shown = (title(item, source) if place == 0 else "", *map(_on_one_line, cells))
            table.add_row(*map(Text, shown))  # as it is: no markup, no emoji codes
    if table.row_count:
        out.print(table)
    return bad


def heading(source: Source) -> str:
    """What `title` shows."""
    return next((field for field in source.open if not field.many), source.fields[0]).name


def title(item: Any, source: Source) -> str:
    """What is an item's own, on one line: its first text whole, others cut short, lists left out."""
    values = dict(zip(source.fields, item if isinstance(item, tuple) else (item,), strict=True))
    own = [field for field in source.open if not field.many] or source.fields[:1]
    first, *others = (_on_one_line(values[field]) for field in own)
    cut = (text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…" for text in others)
    return " | ".join([first, *cut])


def remembered(items: Iterable[Any], stream: Callable[[Iterator[Any]], Iterator[Any]]) -> Answered:
    """Each item with its answer, where `stream` makes answers of items."""
    waiting: deque[Any] = deque()

    def noted() -> Iterator[Any]:
        for item in items:
            waiting.append(item)
            yield item

    for answer in stream(noted()):
        yield waiting.popleft(), answer


def _written(answered: Answered, write: Callable[[Any, Any], None]) -> int:
    """Write each answer as soon as it is there; returns the number of bad items."""
    bad = 0
    try:
        for item, answer in answered:
            write(item, answer)
            sys.stdout.flush()
            bad += isinstance(answer, Exception)
    except BrokenPipeError:
        # The reader has seen enough, as in `| head`. Nothing is left to write to, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return bad


def _complain(error: Exception) -> None:
    err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
