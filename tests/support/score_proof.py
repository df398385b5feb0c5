"""The proof that bulk scoring survives `kill -9` on a large file in flat memory: complete, in order, nothing twice.

By hand, against a running server, with a file of texts that is repeated until it has the rows wanted:

    python -m tests.support.score_proof MODEL --data test.csv --rows 1000000 --kills 2 --input csv --output parquet

It prints a report as JSON: rows per second, the memory of every process on its way, and what the output holds.
"""

import argparse
import csv
import itertools
import json
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tritext.scoring.inputs import open_input
from tritext.scoring.journal import begun
from tritext.tables import read_table

COMMAND = [sys.executable, "-c", "from tritext.cli import main; main()", "score"]
SAMPLE_SECONDS = 0.5
CHUNK = 10_000


@dataclass
class Life:
    """One process, from its start to its end or its being killed; memory is resident, in MB."""

    seconds: float = 0.0
    status: int = 0
    rows: int = 0
    memory: list[float] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """With the memory at ten moments in place of every sample."""
        step = max(1, len(self.memory) // 10)
        return {**asdict(self), "memory": self.memory[::step], "most_memory": max(self.memory, default=0)}


def write_input(path: Path, data: Path, rows: int) -> None:
    """`rows` rows with ids from 0, which repeat those of `data`."""
    table = read_table(data)
    names = ["id", *table.columns]
    values = itertools.cycle(row for _, row in table.rows)
    numbered = ([number, *next(values)] for number in range(rows))
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(itertools.chain([names], numbered))
    elif path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in numbered)
    else:
        _write_parquet(path, names, numbered)


def _write_parquet(path: Path, names: list[str], rows: Iterator[list[Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = [pa.int64(), *[pa.string()] * (len(names) - 1)]
    schema = pa.schema(list(zip(names, types, strict=True)))
    with parquet.ParquetWriter(path, schema) as writer:
        while chunk := list(itertools.islice(rows, CHUNK)):
            columns = [
                pa.array(column, kind) for column, kind in zip(zip(*chunk, strict=True), types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def live(command: list[str], output: Path, until: float) -> Life:
    """Run the command until it ends, or kill it once the journal has `until` rows."""
    life, began = Life(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        life.memory.append(round(seen.memory_info().rss / 2**20, 1))
        if rows_done(output) >= until:
            process.send_signal(signal.SIGKILL)
        time.sleep(SAMPLE_SECONDS)
    life.seconds, life.status, life.rows = time.monotonic() - began, process.wait(), rows_done(output)
    return life


def rows_done(output: Path) -> int:
    found = begun(output)
    return found[1].rows if found else 0


def check(source: Path, output: Path) -> dict[str, Any]:
    """Compare the output with the input row by row, and the answers about one text with each other."""
    first_answers: dict[str, Any] = {}
    rows = other_answers = 0
    for asked, answered in itertools.zip_longest(_records(source), _records(output)):
        assert asked is not None, f"row {rows} of the output is none of the input"
        assert answered is not None, f"row {rows} is missing"
        own = {name: str(answered[name]) for name in asked}
        assert own == {name: str(value) for name, value in asked.items()}, f"row {rows} is another"
        text, answer = own[next(name for name in own if name != "id")], _answer(answered, asked)
        other_answers += first_answers.setdefault(text, answer) != answer
        rows += 1
    return {
        "rows": rows,
        "texts": len(first_answers),
        "answers_unlike_the_first_of_their_text": other_answers,
    }


def _answer(answered: dict[str, Any], asked: dict[str, Any]) -> Any:
    """What rounding leaves alone: everything but the numbers."""
    own = {name: value for name, value in answered.items() if name not in asked}
    return str(own["label"]) if "label" in own else str(own)


def _records(path: Path) -> Iterable[dict[str, Any]]:
    source = open_input(path, [])
    return (dict(row.record) for row in source.rows(source.start, read=source.columns, carry=()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--input", choices=["csv", "jsonl", "parquet"], default="csv")
    parser.add_argument("--output", choices=["csv", "jsonl", "parquet"], default="csv")
    parser.add_argument("--folder", type=Path, help="where the files go, and stay")
    parser.add_argument("--options", default="", help="further options of `tritext score`, as one string")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="tritext-score-"))
    source, output = folder / f"input.{given.input}", folder / f"output.{given.output}"
    try:
        write_input(source, given.data, given.rows)
        command = [*COMMAND, given.model, str(source), str(output), *shlex.split(given.options)]
        parts = given.kills + 1
        ends = [*(given.rows * part / parts for part in range(1, parts)), float("inf")]
        lives = [live(command, output, end) for end in ends]
        report = {"lives": [life.shown() for life in lives], "output": check(source, output)}
    finally:
        if given.folder is None:
            shutil.rmtree(folder)
    seconds = sum(life.seconds for life in lives)
    result = {**report, "seconds": seconds, "rows_per_second": given.rows / seconds}
    print(json.dumps(result, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
