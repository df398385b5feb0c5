"""Parquet of any size as input: a batch of rows at a time, and its values as Python's, whatever their Arrow type."""

import bisect
import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tritext.errors import MissingExtra
from tritext.scoring.inputs import Position, Row
from tritext.tables import DataFileUnreadable, NoRows, RecordsError

BATCH_ROWS = 512


class OnlyForParquet(RecordsError):
    """A column's values have no form in text."""

    def __init__(self, *, path: Path, name: str, type: Any) -> None:  # noqa: A002
        super().__init__(
            f"{path} has a column {name!r} of {type}, which only Parquet can hold: write Parquet, or leave the "
            "column out with --keep."
        )


class Parquet:
    """A Parquet file; positions count rows."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self._file = path, file
        self.columns = tuple(file.schema_arrow.names)
        self.start = Position()
        self.total = file.metadata.num_rows

    def rows(self, since: Position, *, read: Collection[str], carry: Sequence[str]) -> Iterator[Row]:
        number = since.at
        for batch in self._batches(number, [name for name in self.columns if name in {*read, *carry}]):
            values = {name: self._values(name, batch) for name in self.columns if name in read}
            carried = batch.select(carry)
            for index in range(batch.num_rows):
                number += 1
                yield Row(
                    place=f"row {number}",
                    record={name: column[index] for name, column in values.items()},
                    after=Position(at=number),
                    batch=carried,
                    index=index,
                )

    def arrow_fields(self, names: Sequence[str]) -> list[Any]:
        return [self._file.schema_arrow.field(name) for name in names]

    def _values(self, name: str, batch: Any) -> list[Any]:
        column = batch.column(name)
        if _holds_nanoseconds(column.type):
            raise OnlyForParquet(path=self.path, name=name, type=column.type)
        return in_python(column)

    def _batches(self, since: int, names: list[str]) -> Iterator[Any]:
        """Record batches of these columns from row `since` on; row groups before it are not read."""
        groups = range(self._file.num_row_groups)
        sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        ends = list(itertools.accumulate(sizes))
        first = bisect.bisect_right(ends, since)
        if since >= self.total:
            return
        skip = since - (ends[first] - sizes[first])
        # To Arrow, a dot in a name means a part of a nested column.
        chosen = None if any("." in name for name in names) else names
        with _readable(self.path):
            for batch in self._file.iter_batches(
                BATCH_ROWS, row_groups=groups[first:], columns=chosen, use_threads=False
            ):
                if skip < batch.num_rows:
                    yield batch.slice(skip)
                skip = max(0, skip - batch.num_rows)


def open_parquet(path: Path, wanted: Sequence[str]) -> Parquet:  # noqa: ARG001
    """A Parquet file."""
    parquet = library(path)
    with _readable(path):
        found = Parquet(path, parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False))
    if not found.total:
        raise NoRows(path=path)
    return found


def library(path: Path) -> Any:
    """pyarrow.parquet.

    Raises:
        MissingExtra: It is not installed.
        DataFileUnreadable: It is, but not for the numpy that is there.
    """
    try:
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra(extra="perf", module="pyarrow") from error
    except ImportError as error:
        raise DataFileUnreadable(path=path, reason=str(error)) from error
    return parquet


def in_python(column: Any) -> list[Any]:
    """An Arrow array's values as str, int, float, bool, list, dict or None; bytes are taken for text."""
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if pa.types.is_dictionary(kind):
        return in_python(column.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # Files from elsewhere may hold bytes there that are not UTF-8; they are a row's fault, not the batch's.
        return _decoded(column.cast(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()))
    if any(
        test(kind) for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    ):
        return _decoded(column)
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return [None if value is None else str(value) for value in column.cast(pa.string()).to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _holds_nanoseconds(kind: Any) -> bool:
    """Whether there are nanoseconds within lists or structs; Python's own times have none, and pandas may be away."""
    import pyarrow as pa  # noqa: PLC0415

    parts = [kind.field(index).type for index in range(kind.num_fields)]
    return any(
        (pa.types.is_temporal(part) and getattr(part, "unit", "") == "ns") or _holds_nanoseconds(part)
        for part in parts
    )


def _decoded(column: Any) -> list[str | None]:
    return [
        None if value is None else value.decode("utf-8", "surrogateescape") for value in column.to_pylist()
    ]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield
    except pa.ArrowException as error:
        raise DataFileUnreadable(path=path, reason="it is not a valid Parquet file") from error
    except OSError as error:
        reason = (error.strerror or str(error).partition("\n")[0]).lower().rstrip(".")
        raise DataFileUnreadable(path=path, reason=reason) from error
