"""Parquet as output. A closed Parquet file cannot be appended to, so rows go into one small file a commit, merged at the end."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from tritext.scoring.errors import JournalUnreadable
from tritext.scoring.inputs import Input
from tritext.scoring.jobs import Scored
from tritext.scoring.outputs import Layout, cell, written

GROUP_BYTES = 32 * 1024 * 1024
GROUP_ROWS = 128 * 1024
"""A row group of the merged file ends when it has as many of either."""

BATCH_ROWS = 1000
"""Rows that are kept before they become Arrow's."""

MERGED_ROWS = 4096
"""Rows that are read at a time when files are merged."""


class ParquetOutput:
    """Numbered files in a folder, of which the first `position` stand; `path` is the merged one."""

    pause = 10.0

    def __init__(self, path: Path, position: int, layout: Layout, source: Input) -> None:
        self._path, self._layout, self._count = path, layout, position
        self._schema = pa.schema(
            [
                *source.arrow_fields(layout.kept),
                *(pa.field(column.name, _type(column.type)) for column in layout.answers),
                *([pa.field(layout.error, pa.string())] if layout.error else []),
            ]
        )
        if not all(self._segment(number).exists() for number in range(1, position + 1)):
            raise JournalUnreadable(path.parent)
        self._pending: list[Scored] = []
        self._writer: parquet.ParquetWriter | None = None

    def write(self, scored: Scored) -> None:
        self._pending.append(scored)
        if len(self._pending) >= BATCH_ROWS:
            self._flush()

    def commit(self) -> int:
        self._flush()
        if self._writer:
            with written(self._path):
                self._writer.close()
                synced(self._segment(self._count + 1))
            self._writer = None
            self._count += 1
        return self._count

    def finish(self) -> None:
        self.commit()
        with written(self._path):
            with parquet.ParquetWriter(self._path, self._schema) as merged:
                for group in self._groups():
                    merged.write_table(group)
            synced(self._path)

    def close(self) -> None:
        # What is open has no footer and counts for nothing; it is closed for its file handle only.
        if self._writer:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()

    def _segment(self, number: int) -> Path:
        return self._path.with_name(f"{number:08}.parquet")

    def _flush(self) -> None:
        if not self._pending:
            return
        table, self._pending = self._table(self._pending), []
        with written(self._path):
            if self._writer is None:
                self._writer = parquet.ParquetWriter(self._segment(self._count + 1), self._schema)
            self._writer.write_table(table)

    def _table(self, rows: Sequence[Scored]) -> pa.Table:
        answers = [scored.values or [None] * len(self._layout.answers) for scored in rows]
        added = [
            [cell(row[at]) if column.type == "json" and row[at] is not None else row[at] for row in answers]
            for at, column in enumerate(self._layout.answers)
        ]
        if self._layout.error:
            added.append([scored.error or None for scored in rows])
        fields = list(self._schema)[len(self._layout.kept) :]
        arrays = [_array(column, field.type) for column, field in zip(added, fields, strict=True)]
        return pa.Table.from_arrays([*self._kept(rows), *arrays], schema=self._schema)

    def _kept(self, rows: Sequence[Scored]) -> list[Any]:
        fields = list(self._schema)[: len(self._layout.kept)]
        if rows[0].row.batch is None:
            return [
                _array([scored.row.record.get(field.name) for scored in rows], field.type) for field in fields
            ]
        parts = list(_slices(rows))
        return [pa.chunked_array([part.column(field.name) for part in parts], field.type) for field in fields]

    def _groups(self) -> Iterator[pa.Table]:
        """All rows, as tables of a good size for a row group."""
        batches: list[pa.Table] = []
        for number in range(1, self._count + 1):
            with parquet.ParquetFile(self._segment(number)) as segment:
                for batch in segment.iter_batches(MERGED_ROWS, use_threads=False):
                    batches.append(self._whole(pa.Table.from_batches([batch])))
                    if sum(b.nbytes for b in batches) > GROUP_BYTES or sum(map(len, batches)) > GROUP_ROWS:
                        yield pa.concat_tables(batches)
                        batches = []
        if batches:
            yield pa.concat_tables(batches)

    def _whole(self, table: pa.Table) -> pa.Table:
        """With the column of errors, where a run had none when it began."""
        error = self._layout.error
        if error and error not in table.column_names:
            table = table.append_column(error, pa.nulls(len(table), pa.string()))
        return table


def synced(path: Path) -> None:
    """Put a written file on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _slices(rows: Sequence[Scored]) -> Iterator[Any]:
    """The rows' own columns as they came, as slices of the record batches that hold them."""
    for _, run in groupby(rows, key=lambda scored: id(scored.row.batch)):
        of_batch = [scored.row for scored in run]
        yield of_batch[0].batch.slice(of_batch[0].index, len(of_batch))


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([None if value is None else _sound(cell(value)) for value in column], kind)
    if pa.types.is_float64(kind):
        return pa.array([None if value is None else float(value) for value in column], kind)
    return pa.array(column, kind)


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _type(name: str) -> pa.DataType:
    if name == "json":
        return pa.string()
    inner = name.removeprefix("list<").removesuffix(">")
    return pa.list_(pa.type_for_alias(inner)) if inner != name else pa.type_for_alias(name)
