"""Rows of a file as items for a model, and answers about items as rows again. Knows no network and no format."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tritext.columns import Cell
from tritext.failures import InvalidText
from tritext.items import MOST_STACKED, Field
from tritext.scoring.answers import Answers, by_row
from tritext.scoring.inputs import Row
from tritext.sources import Source
from tritext.tables import BadRow

OTHER_KIND = "expected one text, as in the rows before"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An item and the rows that it was made of; None stands for the item of a row that makes none.

    Attributes:
        problem: Why it makes none.
    """

    rows: tuple[Row, ...]
    item: Any = None
    problem: str = ""

    def apart(self, gathered: int) -> list["Job"]:
        """A job for each of its rows."""
        entries = self.item[gathered]
        return [
            Job(rows=(row,), item=_with(self.item, gathered, [entry]))
            for row, entry in zip(self.rows, entries, strict=True)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A row with the values of the answers' columns, or with the reason why there are none."""

    row: Row
    values: Sequence[Any] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file's rows make items.

    Attributes:
        columns: By an input of the model, the column that its texts are in.
        gathered: The place in an item of a list that neighbouring rows make together, if they do.
    """

    path: Path
    source: Source
    columns: Mapping[str, str]
    gathered: int | None = None

    def jobs(self, rows: Iterable[Row]) -> Iterator[Job]:
        """The rows' items, in order; a row that makes none is a job, too."""
        jobs = map(self._single, rows)
        return jobs if self.gathered is None else self._together(jobs, self.gathered)

    def looking_at(self, rows: Iterable[Row]) -> "Reading":
        """The same, knowing from the first sound row whether a list of texts is in one row or in several."""
        field = next((field for field in self.source.open if _is_gathered(field)), None)
        if field is None:
            return self
        place = [each.input for each in self.source.fields].index(field.input)
        first = next((job for job in map(self._single, rows) if job.item is not None), None)
        one_each = first and first.item[place] == [first.rows[0].record[self.columns[field.input]]]
        return replace(self, gathered=place) if one_each else self

    def _single(self, row: Row) -> Job:
        if row.problem:
            return Job(rows=(row,), problem=row.problem)
        try:
            (item,) = self.source.of_cells([self._cells(row)])
        except BadRow as error:
            return Job(rows=(row,), problem=_without_place(error, self.path, row))
        if self._is_of_other_kind(item, row):
            return Job(rows=(row,), problem=OTHER_KIND)
        return Job(rows=(row,), item=item)

    def _cells(self, row: Row) -> list[Cell]:
        return [
            Cell(
                path=self.path,
                place=row.place,
                kind=field.kind,
                value=row.record.get(self.columns[field.input]),
            )
            for field in self.source.open
        ]

    def _is_of_other_kind(self, item: Any, row: Row) -> bool:
        if self.gathered is None:
            return False
        return bool(
            item[self.gathered] != [row.record[self.columns[self.source.fields[self.gathered].input]]]
        )

    def _together(self, jobs: Iterable[Job], gathered: int) -> Iterator[Job]:
        """Neighbours that agree in everything else as one job, of no more texts than a request takes."""

        def alike(job: Job) -> Any:
            return job.rows[0].place if job.item is None else _with(job.item, gathered, None)

        for _, neighbours in itertools.groupby(jobs, key=alike):
            while part := list(itertools.islice(neighbours, MOST_STACKED)):
                yield part[0] if part[0].item is None else _joined(part, gathered)


def scored(job: Job, answer: Any, answers: Answers, *, gathered: bool) -> list[Scored]:
    """The job's rows with their parts of its answer."""
    if isinstance(answer, InvalidText):
        problem = job.problem or f"the {answer.input.lower().replace('_', ' ')} {answer.reason.rstrip('.')}"
        return [Scored(row=row, error=problem) for row in job.rows]
    parts = by_row(answer) if gathered else [answer]
    return [Scored(row=row, values=answers.values(part)) for row, part in zip(job.rows, parts, strict=True)]


def _is_gathered(field: Field) -> bool:
    return field.many and field.separator is None


def _with(item: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*item[:place], value, *item[place + 1 :])


def _joined(jobs: Sequence[Job], gathered: int) -> Job:
    entries = [entry for job in jobs for entry in job.item[gathered]]
    return Job(
        rows=tuple(row for job in jobs for row in job.rows), item=_with(jobs[0].item, gathered, entries)
    )


def _without_place(error: BadRow, path: Path, row: Row) -> str:
    return str(error).removeprefix(f"{path}, {row.place}: ").rstrip(".")
