"""Items out of what a person has: texts on the command line, lines, columns of a file. Knows no task and no network."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tritext.columns import Cell, Column, read_columns
from tritext.errors import TritextError
from tritext.items import Field
from tritext.tables import plain_lines


class NotOneText(TritextError):
    """Texts were given one by one, but an item is made of more."""

    def __init__(self, missing: Sequence[Field]) -> None:
        names = " and ".join(field.name for field in missing)
        options = " or ".join(f"--{field.option}" for field in missing if field.option)
        columns = ", ".join(field.columns[0] for field in missing)
        super().__init__(
            f"This model takes {names} together: give {options}, or --file with a CSV or JSONL file of the "
            f"columns {columns}."
        )


class NothingOpen(TritextError):
    """Texts were given, but all that an item is made of was given by options."""

    def __init__(self, fields: Sequence[Field]) -> None:
        given = " and ".join(f"--{field.option}" for field in fields)
        super().__init__(f"{given} say everything: leave out the texts and --file, or one of these options.")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What one model's items are made of, and what is the same in all of them.

    Attributes:
        fields: The fields of an item.
        given: By a field's input, what all items share.
    """

    fields: Sequence[Field]
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> list[Field]:
        """The fields that are each item's own."""
        return [field for field in self.fields if field.input not in self.given]

    def of_texts(self, texts: Iterable[str]) -> Iterator[Any]:
        """One item for each text, as soon as it is there; a list of texts takes them all."""
        if len(self.open) != 1:
            raise NotOneText(self.open) if self.open else NothingOpen(self.fields)
        only = self.open[0]
        if only.many and only.separator is None:
            yield self._item([list(texts)])
        else:
            yield from (self._item([_parted(text, only)]) for text in texts)

    def of_options(self) -> Any:
        """The only item, where options say everything."""
        return self._item([])

    def of_file(self, path: Path, columns: Mapping[str, str]) -> Iterable[Any]:
        """The items of a data file, which is read and checked as a whole; `columns` as for `wanted`.

        Raises:
            RecordsError: The file, a column or a row is not usable; one sentence names the place.
        """
        if path.suffix.lower() == ".txt":
            return self.of_texts(line for _, line in plain_lines(path))
        return list(self.of_cells(read_columns(path, *self.wanted(columns))))

    def wanted(self, columns: Mapping[str, str]) -> list[Column]:
        """The columns of a file that hold what is each item's own.

        `columns` names them by their fields' kinds where they are not to be guessed.
        """
        if not self.open:
            raise NothingOpen(self.fields)
        return [
            Column(kind=field.kind, usual=field.columns, asked=columns.get(field.kind)) for field in self.open
        ]

    def of_cells(self, rows: Iterable[Sequence[Cell]]) -> Iterator[Any]:
        """The items of a file's rows, whose cells are those of `wanted`, as the rows come.

        A list of texts whose file has one in each row is gathered from neighbours that agree in everything else.
        """
        values = ([_value(cell, field) for cell, field in zip(row, self.open, strict=True)] for row in rows)
        return (self._item(own) for own in self._gathered(values))

    def _gathered(self, rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
        at = next((at for at, field in enumerate(self.open) if field.many and field.separator is None), None)
        if at is None:
            yield from rows
            return

        def group(numbered: tuple[int, list[Any]]) -> Any:
            number, row = numbered
            return [*row[:at], *row[at + 1 :]], number if isinstance(row[at], list) else None

        for (others, number), rows_of in itertools.groupby(enumerate(rows), key=group):
            entries = [row[at] for _, row in rows_of]
            yield [*others[:at], entries if number is None else entries[0], *others[at:]]

    def _item(self, own: Sequence[Any]) -> Any:
        values = iter(own)
        item = [
            self.given[field.input] if field.input in self.given else next(values) for field in self.fields
        ]
        return item[0] if len(item) == 1 else tuple(item)


def _value(cell: Cell, field: Field) -> Any:
    if not field.many:
        return cell.text()
    if isinstance(cell.value, list):
        return [cell.of(entry).text() for entry in cell.value]
    return _parted(cell.text(), field)


def _parted(text: str, field: Field) -> Any:
    """A field's value from one string."""
    if not field.many:
        return text
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(entry, str) for entry in found):
            return found
    return parts(text, field.separator) if field.separator else text


def parts(text: str, separator: str) -> list[str]:
    """What stands between the separators, without blanks around it."""
    return [part.strip() for part in text.split(separator) if part.strip()]
