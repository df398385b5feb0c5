"""Rows kept on disk rather than in memory: written once into an Arrow file without a name, read through a map of it.

It refuses to know what the rows mean. What is mapped is the system's to keep in memory or to drop; nothing is left on
disk when the process ends, however it ends. https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
"""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tritext_training.work import disk_errors

Row = TypeVar("Row")
Item = TypeVar("Item")

CHUNK = 256
"""Rows written, and read, at once."""

_COLUMNS = {
    str: pa.large_string(),
    str | None: pa.large_string(),
    float: pa.float64(),
    tuple[str, ...]: pa.large_list(pa.large_string()),
}


class View(Sequence[Item]):
    """A sequence that makes its items when they are asked for; slices are lists."""

    def item(self, place: int) -> Item:
        raise NotImplementedError

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        if isinstance(place, slice):
            return [self.item(each) for each in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self.item(place % len(self))

    def __iter__(self) -> Iterator[Item]:
        return map(self.item, range(len(self)))


class Shelf(View[Row], Generic[Row]):
    """Rows of one dataclass; those that stand together are read together."""

    def __init__(self, kind: Callable[..., Row], rows: Iterable[Row]) -> None:
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        schema = pa.schema([(name, _COLUMNS[hints[name]]) for name in names])
        self._kind = kind
        self._file = _written(
            pa.RecordBatch.from_pylist([vars(row) for row in chunk], schema) for chunk in chunks(rows)
        )
        self._at, self._chunk = -1, list[Row]()

    def __len__(self) -> int:
        return _rows(self._file)

    def item(self, place: int) -> Row:
        at, within = divmod(place, CHUNK)
        if at != self._at:
            records = self._file.get_batch(at).to_pylist()
            self._chunk = [self._kind(**{k: _frozen(v) for k, v in record.items()}) for record in records]
            self._at = at
        return self._chunk[within]


class Features(View[dict[str, Any]]):
    """Token ids and targets, one dict a row: numbers, or lists of numbers."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._file = _written(_batches(rows))
        self._arrays: dict[int, dict[str, tuple[Any, Any]]] = {}

    def __len__(self) -> int:
        return _rows(self._file)

    def item(self, place: int) -> dict[str, Any]:
        at, within = divmod(place, CHUNK)
        return {
            name: values[within].item()
            if offsets is None
            else values[offsets[within] : offsets[within + 1]].tolist()
            for name, (values, offsets) in self._columns(at).items()
        }

    def lengths(self, column: str = "input_ids") -> npt.NDArray[np.int64]:
        """How many numbers each row has in `column`."""
        each = [np.diff(self._columns(at)[column][1]) for at in range(self._file.num_record_batches)]
        lengths: npt.NDArray[np.int64] = np.concatenate(each).astype(np.int64)
        return lengths

    def _columns(self, at: int) -> dict[str, tuple[Any, Any]]:
        """Of each column of a chunk its numbers, and where in them each row begins if rows are lists; not copied."""
        if at not in self._arrays:
            batch = self._file.get_batch(at)
            self._arrays[at] = {
                name: (column.values.to_numpy(), column.offsets.to_numpy())
                if pa.types.is_list(column.type)
                else (column.to_numpy(), None)
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
        return self._arrays[at]


def chunks(rows: Iterable[Item]) -> Iterator[list[Item]]:
    """`CHUNK` of the rows at a time."""
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    schema = None
    for chunk in chunks(rows):
        schema = schema or _schema(chunk)
        yield pa.RecordBatch.from_pylist(chunk, schema)


def _schema(chunk: list[dict[str, Any]]) -> pa.Schema:
    """As found in the first rows; whole numbers in four bytes, masks and types of tokens in one."""
    found = pa.RecordBatch.from_pylist(chunk).schema
    return pa.schema([(field.name, _narrow(field.name, field.type)) for field in found])


def _narrow(name: str, kind: Any) -> Any:
    if pa.types.is_list(kind):
        return pa.list_(_narrow(name, kind.value_type))
    small = name in {"attention_mask", "token_type_ids"}
    return (pa.int8() if small else pa.int32()) if pa.types.is_integer(kind) else kind


def _written(batches: Iterator[pa.RecordBatch]) -> Any:
    """The reader of a file that has no name, so that it goes when the last map of it goes."""
    first = next(batches)
    folder = _scratch()
    remedy = "name a folder with room for the data in TMPDIR"
    with disk_errors(folder, remedy=remedy), tempfile.TemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(file, first.schema) as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped)))


def _scratch() -> Path:
    """`TMPDIR`; or /var/tmp, since /tmp may lie in memory; or /tmp, where nothing else can be written."""
    disk = "/var/tmp"  # noqa: S108 - what is written there has no name
    return Path(disk if "TMPDIR" not in os.environ and os.access(disk, os.W_OK) else tempfile.gettempdir())


def _rows(file: Any) -> int:
    last = file.num_record_batches - 1
    rows: int = last * CHUNK + file.get_batch(last).num_rows
    return rows


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
