"""Files of rows put together in order, as one file that appears when it is complete. Knows formats, and no model."""

import csv
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tritext.scoring.journal import sync_folder
from tritext.scoring.outputs import written
from tritext_jobs.errors import OutputTaken

RENAMING = "renaming"
"""Beside the parts: from now on what lies at the output is theirs."""


def joined(parts: Sequence[Path], output: Path, *, overwrite: bool) -> None:
    """Put the parts together at `output`. Done again, it does nothing; the parts stay.

    Raises:
        OutputTaken: There is another file, and it may not be replaced.
        OutputUnwritable: The disk is full, or the folder may not be written to.
    """
    mark = parts[0].parent / RENAMING
    fresh = output.with_name(f".{output.name}.{parts[0].parent.name}")
    if mark.exists() and output.exists() and not fresh.exists():
        return
    if output.exists() and not overwrite:
        raise OutputTaken(output)
    with written(output):
        try:
            (_parquet if output.suffix.lower() == ".parquet" else _text)(parts, fresh)
            mark.touch()
            fresh.replace(output)
            sync_folder(output.parent)
        finally:
            fresh.unlink(missing_ok=True)


def _text(parts: Sequence[Path], fresh: Path) -> None:
    """CSV and TSV keep the first part's header only; JSON Lines have none."""
    head = _head(parts[0])
    with fresh.open("wb") as whole:
        for number, path in enumerate(parts):
            with path.open("rb") as part:
                part.seek(head if number else 0)
                shutil.copyfileobj(part, whole, 1 << 20)
        whole.flush()
        os.fsync(whole.fileno())


def _head(path: Path) -> int:
    """The bytes of the header, which in CSV may have line breaks within."""
    if path.suffix.lower() not in {".csv", ".tsv"}:
        return 0
    with path.open("rb") as file:
        if path.suffix.lower() == ".tsv":
            return len(file.readline())
        lines = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        next(lines, None)
        count = lines.line_num
    with path.open("rb") as file:
        return sum(len(file.readline()) for _ in range(count))


def _parquet(parts: Sequence[Path], fresh: Path) -> None:
    from pyarrow import parquet  # noqa: PLC0415 - only where there is Parquet

    with parquet.ParquetFile(parts[0]) as first:
        schema = first.schema_arrow
    with parquet.ParquetWriter(fresh, schema) as whole:
        for path in parts:
            with parquet.ParquetFile(path) as part:
                for number in range(part.num_row_groups):
                    whole.write_table(part.read_row_group(number))
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
