"""Laws of the shelf: rows come back as they were, from disk, and memory does not grow with the data."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tritext_training.errors import NotWritable
from tritext_training.shelf import CHUNK, Features, Shelf


@dataclass(frozen=True, kw_only=True)
class Row:
    text: str
    pair: str | None
    labels: tuple[str, ...]


def test_rows_come_back_as_they_were_in_any_order() -> None:
    rows = [
        Row(text=f"täxt {n}\n", pair=None if n % 2 else "", labels=("a",) * (n % 3)) for n in range(CHUNK + 7)
    ]
    shelf = Shelf(Row, iter(rows))
    assert list(shelf) == rows
    assert shelf[-1] == rows[-1]
    assert shelf[CHUNK - 2 : CHUNK + 2] == rows[CHUNK - 2 : CHUNK + 2]
    assert [shelf[place] for place in (CHUNK + 6, 0, CHUNK)] == [rows[CHUNK + 6], rows[0], rows[CHUNK]]


def test_features_come_back_as_they_were() -> None:
    rows: list[dict[str, Any]] = [
        {"input_ids": list(range(n % 5 + 1)), "attention_mask": [1] * (n % 5 + 1), "labels": n * 0.5}
        for n in range(CHUNK + 7)
    ]
    features = Features(iter(rows))
    assert list(features) == rows
    assert features.lengths().tolist() == [len(row["input_ids"]) for row in rows]


READ = """
import resource, sys
from pathlib import Path
from tritext_training.options import TrainingOptions
from tritext_training.tasks import open_task
from tritext_training.tasks import text_classification
import pyarrow as pa
pa.RecordBatch.from_pylist([{"a": 1}])  # looks for pandas, once
used = int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + int(sys.argv[2]), -1))
task = open_task(TrainingOptions(task="text-classification", data=Path(sys.argv[1]), output=Path("x"), base="y"))
print(task.rows, sum(split["rows"] for split in task.facts["splits"].values()))
"""


def test_a_file_larger_than_the_memory_that_is_left_is_read_divided_and_searched_for_duplicates(
    tmp_path: Path,
) -> None:
    data, limit = tmp_path / "data.jsonl", 24 * 2**20
    with data.open("w", encoding="utf-8") as file:
        for row in range(8_000):
            file.write(f'{{"text": "{row} {"word " * 1_300}", "label": "{"ab"[row % 2]}"}}\n')
    assert data.stat().st_size > 2 * limit
    done = subprocess.run(
        [sys.executable, "-c", READ, str(data), str(limit)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["6480", "8000"], done.stderr


def test_rows_go_to_disk_where_there_is_one_and_never_fail_for_want_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [Row(text="a", pair=None, labels=())]
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(os, "access", lambda *_: False)  # as under a read-only root
    assert list(Shelf(Row, iter(rows))) == rows
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(NotWritable, match=r"Cannot write to .*gone: no such file.* TMPDIR"):
        Shelf(Row, iter(rows))
