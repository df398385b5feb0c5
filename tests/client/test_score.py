"""`tritext score`: every row of a file with its answer, once and in order, whatever ends a run on its way."""

import csv
import datetime as dt
import decimal
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.client.models import write_models
from tritext.cli import main
from tritext.scoring.answers import answers_of
from tritext.scoring.journal import Journal, begun
from tritext.tasks import task_named
from tritext_serving import Server, running_server

FORMATS = ("csv", "tsv", "jsonl", "parquet")

IMPATIENT = """
from tritext.scoring.outputs import TextOutput
from tritext.scoring.parquet_output import ParquetOutput
TextOutput.pause = ParquetOutput.pause = 0.02
from tritext.cli import main
main()
"""
"""The command, with marks fifty times a second, so that killing it meets every moment of its life."""


@pytest.fixture
def score(
    tasks_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs `tritext score` in a folder of its own; answers with what it said on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRITEXT_URL", tasks_server.grpc_url)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["tritext", "score", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = " ".join(capsys.readouterr().err.split())
        assert ended.value.code == status, told
        return told

    terminated = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, terminated)


def write(path: str, rows: Sequence[dict[str, Any]]) -> str:
    """A data file in the format of its suffix."""
    if path.endswith(".parquet"):
        parquet.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=7)
    elif path.endswith(".jsonl"):
        Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.endswith(".tsv"):
        lines = [list(rows[0]), *(row.values() for row in rows)]
        Path(path).write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    else:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([list(rows[0]), *(row.values() for row in rows)])
    return path


def read(path: str) -> list[dict[str, Any]]:
    """Rows of an output; those of delimited files are strings."""
    if path.endswith(".parquet"):
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return rows
    with Path(path).open(encoding="utf-8", newline="") as file:
        if path.endswith(".jsonl"):
            return [json.loads(line) for line in file]
        if path.endswith(".tsv"):
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return list(csv.DictReader(file))


def texts(count: int) -> list[dict[str, str]]:
    return [
        {"id": str(number), "text": f"row {number} of Rome", "note": "é" * (number % 5)}
        for number in range(count)
    ]


# ---- what is written


@pytest.mark.parametrize(
    ("arguments", "row", "answer"),
    [
        (("pairs",), {"premise": "a", "hypothesis": "a"}, {"label": "same", "score": 1.0}),
        (("pairs", "--pair", "b"), {"text": "a"}, {"label": "other", "score": 1.0}),
        (
            ("pairs", "--top-k", "all"),
            {"text": "a", "text_pair": "a"},
            {"labels": ["same", "other"], "scores": [1.0, 0.0]},
        ),
        (("tagger",), {"text": "none"}, {"entities": []}),
        (
            ("answerer",),
            {"question": "who?", "context": "she did"},
            {"answer": "she", "score": 0.25, "start": 0, "end": 3},
        ),
        (
            ("zero",),
            {"text": "a", "candidate_labels": "b, a"},
            {"label": "a", "score": 0.5, "labels": ["a", "b"], "scores": [0.5, 0.0]},
        ),
        (("embedder", "--dimensions", "2"), {"text": "a"}, {"embedding": [1.0, 2.0]}),
        (("embedder", "--output", "int8"), {"text": "a"}, {"embedding": [1, 2, 3, 4, 5, 6, 7, 8]}),
        (("ranker",), {"query": "ab", "passage": "ab"}, {"score": 2.0}),
        (
            ("ranker",),
            {"query": "ab", "texts": '["x", "ab"]'},
            {"corpus_ids": [1, 0], "scores": [2.0, 0.0]},
        ),
        (("ranker", "--raw"), {"query": "a", "texts": '["a"]'}, {"result": [{"corpus_id": 0, "score": 1.0}]}),
    ],
)
def test_each_task_has_its_columns_in_every_format(
    score: Callable[..., str], arguments: tuple[str, ...], row: dict[str, Any], answer: dict[str, Any]
) -> None:
    model, *options = arguments
    write("in.csv", [row])
    for suffix in FORMATS:
        score(model, "in.csv", f"out.{suffix}", *options)
        (found,) = read(f"out.{suffix}")
        assert list(found) == [*row, *answer]
        values = {name: found[name] for name in answer}
        if suffix in {"csv", "tsv"}:
            values = {name: _parsed(value) for name, value in values.items()}
        elif suffix == "parquet":  # where JSON is text
            values = {name: _parsed(value) if name == "result" else value for name, value in values.items()}
            values = {name: [] if value == "[]" else value for name, value in values.items()}
        assert values == answer


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def test_a_task_without_columns_of_its_own_gets_its_result_in_one() -> None:
    task = replace(task_named("fill-mask"), name="new-task")
    answers = answers_of(task, {}, one_by_one=False, raw=False, prefix="my_")
    assert [(column.name, column.type) for column in answers.columns] == [("my_result", "json")]
    assert answers.values({"any": 1}) == ({"any": 1},)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_every_row_keeps_its_columns_and_its_place(
    score: Callable[..., str], source: str, target: str
) -> None:
    rows = texts(300)
    score("tagger", write(f"in.{source}", rows), f"out.{target}", "--batch-size", "7")
    found = read(f"out.{target}")
    assert [{name: row[name] for name in ("id", "text", "note")} for row in found] == rows
    assert all('"Rome"' in json.dumps(row["entities"]).replace("\\", "") for row in found)
    assert not Path(f"out.{target}.partial").exists()


def test_columns_are_kept_by_wish(score: Callable[..., str]) -> None:
    write("in.csv", texts(2))
    score("tagger", "in.csv", "some.csv", "--keep", "note, id")
    assert list(read("some.csv")[0]) == ["note", "id", "entities"]
    score("tagger", "in.csv", "none.csv", "--keep", "", "--prefix", "its_")
    assert list(read("none.csv")[0]) == ["its_entities"]


def test_quoted_line_breaks_are_part_of_a_row(score: Callable[..., str]) -> None:
    rows = [{"text": text} for text in ("one\ntwo", 'say "no"', "a,b", "x\r\ny", " blank ")]
    score("tagger", write("in.csv", rows), "out.csv")
    assert [row["text"] for row in read("out.csv")] == [row["text"] for row in rows]


def test_parquet_to_parquet_changes_no_value_and_no_type(score: Callable[..., str]) -> None:
    table = pa.table(
        {
            "text": ["a", "b", "c"],
            "ns": pa.array([1, 1_700_000_000_000_000_001, None], pa.timestamp("ns", "UTC")),
            "money": pa.array(
                [decimal.Decimal("1.10"), None, decimal.Decimal("-3.00")], pa.decimal128(12, 2)
            ),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "nested.list": pa.array([[1], None, [2, 3]], pa.list_(pa.int16())),
            "day": [dt.date(2020, 2, 29)] * 3,
        }
    )
    parquet.write_table(table, "in.parquet", row_group_size=2)
    score("tagger", "in.parquet", "out.parquet")
    assert parquet.read_table("out.parquet").drop_columns(["entities"]).equals(table)
    score("tagger", "in.parquet", "out.jsonl")
    assert read("out.jsonl")[1] | {"entities": 0} == {
        "text": "b",
        "ns": "2023-11-14 22:13:20.000000001Z",
        "money": None,
        "kind": "y",
        "nested.list": None,
        "day": "2020-02-29",
        "entities": 0,
    }


def test_what_text_cannot_hold_goes_only_to_parquet(score: Callable[..., str]) -> None:
    table = pa.table({"text": ["a"], "moments": pa.array([[1]], pa.list_(pa.timestamp("ns")))})
    parquet.write_table(table, "in.parquet")
    score("tagger", "in.parquet", "out.parquet")
    assert "column 'moments' of list" in score("tagger", "in.parquet", "out.csv", status=2)
    score("tagger", "in.parquet", "out.csv", "--keep", "text")


def test_json_keys_that_only_some_rows_have_are_columns(score: Callable[..., str]) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "a"},
        {"n": 1, "text": "b"},
        {"text": "c", "n": 2.5, "deep": {"x": [1]}},
    ]
    write("in.jsonl", rows)
    score("tagger", "in.jsonl", "out.csv")
    assert [(row["n"], row["deep"]) for row in read("out.csv")] == [
        ("", ""),
        ("1", ""),
        ("2.5", '{"x": [1]}'),
    ]
    score("tagger", "in.jsonl", "out.parquet")
    assert [(row["n"], row["deep"]) for row in read("out.parquet")] == [
        (None, None),
        (1, None),
        (2.5, '{"x": [1]}'),
    ]
    score("tagger", "in.jsonl", "out.jsonl")
    assert [{name: row[name] for name in row if name != "entities"} for row in read("out.jsonl")] == rows


def test_neighbouring_rows_of_a_query_are_ranked_together_however_many(score: Callable[..., str]) -> None:
    rows = [
        {"query": query, "passage": "ab"[: number % 3]} for query in ("ab", "b") for number in range(1, 300)
    ]
    rows = [row for row in rows if row["passage"]]
    score("ranker", write("in.csv", rows), "out.csv", "--json")
    assert [float(row["score"]) for row in read("out.csv")] == [
        float(len(set(row["query"]) & set(row["passage"]))) for row in rows
    ]


# ---- bad rows

BAD = {
    "csv": (
        b'\xef\xbb\xbftext,b\nin Rome,1\n"",2\na,b,c\nb\n"q"r,3\nnot \xff,4\nrefuse,5\nBonn,6\n',
        [
            "the text is missing or empty",
            "expected 2 fields as in the first row, got 3",
            "expected 2 fields as in the first row, got 1",
            "this is not valid CSV",
            "byte 0xff is not valid UTF-8",
            "the text says so; say something else",
        ],
    ),
    "tsv": (b'text\tb\nin "Rome\t1\n \t2\nrefuse\t5\nBonn\t6\n', ["is missing or empty", "says so"]),
    "jsonl": (
        b'{"text": "in Rome"}\n{"text": null}\n{"text": 5}\n[]\n{"text"\n{"text": "\\ud800"}\n{"text": "\xff"}\n"Bonn"\n',
        [
            "the text is missing or empty",
            "expected a text, got 5",
            "expected a JSON object, got []",
            "this is not valid JSON",
            "half of a surrogate pair",
            "byte 0xff is not valid UTF-8",
        ],
    ),
}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", BAD)
def test_a_bad_row_ends_the_run_or_gets_its_error(
    score: Callable[..., str], source: str, target: str
) -> None:
    content, errors = BAD[source]
    Path(f"in.{source}").write_bytes(content)
    command = ("tagger", f"in.{source}", f"out.{target}")
    told = score(*command, status=2)
    assert errors[0] in told
    assert "Rows done: 1; the same command with --keep-going" in told
    told = score(*command, "--keep-going", status=1)
    assert f"{len(errors) + 2} rows, {len(errors)} of them bad" in told
    found = read(f"out.{target}")
    good = [found[0], found[-1]]
    assert not any(row.get("error") for row in good)
    assert ["Rome" in str(good[0]["entities"]), "Bonn" in str(good[1]["entities"])] == [True, True]
    for row, error in zip(found[1:-1], errors, strict=True):
        assert error in row["error"]
        assert not row["entities"]
    whole = ("tagger", f"in.{source}", f"whole.{target}", "--keep-going")
    score(*whole, status=1)
    assert read(f"whole.{target}") == found


def test_a_bad_text_costs_its_querys_other_texts_nothing(score: Callable[..., str]) -> None:
    rows = [{"query": "ab", "passage": passage} for passage in ("a", "refuse", "ab", "")]
    score("ranker", write("in.csv", rows), "out.csv", "--keep-going", status=1)
    assert [(row["score"], bool(row["error"])) for row in read("out.csv")] == [
        ("1.0", False),
        ("", True),
        ("2.0", False),
        ("", True),
    ]


def test_nothing_but_bad_rows_is_no_trouble(score: Callable[..., str]) -> None:
    Path("in.csv").write_text("text,b\n" + ",x\n" * 1000, encoding="utf-8")
    told = score("tagger", "in.csv", "out.csv", "--keep-going", "--batch-size", "256", status=1)
    assert "1,000 rows, 1,000 of them bad" in told


# ---- refusals


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        ("", ("in.csv", "out.csv"), "in.csv holds no rows"),
        ("text\n", ("in.csv", "out.csv"), "in.csv holds no rows"),
        ("text\na\n", ("in.csv", "out.xls"), "expected one of .csv, .tsv, .jsonl, .ndjson, .parquet"),
        ("text\na\n", ("in.xls", "out.csv"), "expected one of .csv, .tsv, .jsonl, .ndjson, .parquet"),
        ("text\na\n", ("nope.csv", "out.csv"), "Cannot read nope.csv: no such file"),
        ("text\na\n", ("in.csv", "no/out.csv"), "Cannot write no/out.csv.partial: no such file"),
        ("text\na\n", ("in.csv", "in.csv", "--overwrite"), "in.csv is both INPUT and OUTPUT"),
        ("text\na\n", ("in.csv", "old.csv"), "old.csv exists: give another OUTPUT, or --overwrite"),
        ("text\na\n", ("in.csv", "out.csv", "--keep", "x"), "no column 'x' for --keep"),
        ("text\na\n", ("in.csv", "out.csv", "--text-column", "x"), "no column 'x'"),
        ("text\na\n", ("in.csv", "out.csv", "--top-k", "1"), "which has no --top-k"),
        ("text\na\n", ("in.csv", "out.csv", "--version", "9"), "no model 'tagger' version 9"),
        ("text,entities\na,b\n", ("in.csv", "out.csv"), "give --prefix"),
        ("text,text\na,b\n", ("in.csv", "out.csv"), "two columns 'text'"),
        (
            'text\na\n"b\n',
            ("in.csv", "out.csv", "--keep-going"),
            "in.csv, line 3: a quotation mark opens here",
        ),
        ("te\udcffxt\na\n", ("in.csv", "out.csv"), "line 1: byte 0xff is not valid UTF-8; convert the file"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    score: Callable[..., str], content: str, arguments: tuple[str, ...], sentence: str
) -> None:
    Path("in.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    Path("old.csv").write_text("precious", encoding="utf-8")
    assert sentence in score("tagger", *arguments, status=2)
    assert Path("old.csv").read_text(encoding="utf-8") == "precious"


def test_texts_of_several_rows_have_no_best_ones(score: Callable[..., str]) -> None:
    write("in.csv", [{"query": "a", "text": "b"}])
    assert "leave out --top-k" in score("ranker", "in.csv", "out.csv", "--top-k", "1", status=2)


def test_a_file_that_is_no_parquet_is_refused(score: Callable[..., str]) -> None:
    Path("in.parquet").write_bytes(b"PAR1 no PAR1")
    assert "Cannot read in.parquet" in score("tagger", "in.parquet", "out.csv", status=2)


# ---- interruptions


@pytest.fixture
def stopped(score: Callable[..., str]) -> Callable[..., str]:
    """Begins a run that stops at its 201st row."""
    rows = texts(400)
    rows[200]["text"] = "refuse"
    write("in.csv", rows)

    def begin(target: str, *options: str) -> str:
        return score("tagger", "in.csv", f"out.{target}", *options, status=2)

    return begin


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--stride", "3"), "begun with stride None, not 3"),
        (("--keep", "id"), "begun with keep None, not 'id'"),
        (("--prefix", "x_"), "begun with prefix '', not 'x_'"),
        (("--raw",), "begun with raw False, not True"),
    ],
)
def test_a_run_goes_on_only_as_it_began(
    stopped: Callable[..., str], score: Callable[..., str], options: tuple[str, ...], sentence: str
) -> None:
    stopped("csv")
    assert sentence in score("tagger", "in.csv", "out.csv", *options, status=2)
    score("tagger", "in.csv", "out.csv", *options, "--overwrite", "--keep-going", status=1)


def test_a_run_goes_on_only_with_its_model_and_input(
    stopped: Callable[..., str], score: Callable[..., str]
) -> None:
    stopped("csv")
    assert "begun with model 'tagger', not 'embedder'" in score("embedder", "in.csv", "out.csv", status=2)
    was = Path("in.csv").read_text(encoding="utf-8")
    Path("in.csv").write_text(was.replace("refuse", "refine"), encoding="utf-8")
    assert "in.csv has changed since its scoring began" in score("tagger", "in.csv", "out.csv", status=2)


@pytest.mark.parametrize("target", ["csv", "jsonl"])
def test_what_a_killed_process_left_behind_its_last_mark_counts_for_nothing(
    stopped: Callable[..., str], score: Callable[..., str], target: str
) -> None:
    stopped(target)
    with Path(f"out.{target}.partial", f"rows.{target}").open("ab") as file:
        file.write(b'torn "row' * 10_000)
    with Path(f"out.{target}.partial", "journal.jsonl").open("ab") as file:
        file.write(b'\n{"rows": 250, "bad"')
    score("tagger", "in.csv", f"out.{target}", "--keep-going", status=1)
    score("tagger", "in.csv", f"whole.{target}", "--keep-going", status=1)
    assert Path(f"out.{target}").read_bytes() == Path(f"whole.{target}").read_bytes()


def test_a_run_stopped_among_the_texts_of_a_query_goes_on_behind_them(score: Callable[..., str]) -> None:
    rows = [{"id": number, "query": "ab"[number // 6 % 2], "text": "ab"[number % 2]} for number in range(40)]
    rows[18]["text"] = "refuse"
    write("in.csv", rows)
    score("ranker", "in.csv", "out.csv", status=2)
    assert "Going on from row 19" in score("ranker", "in.csv", "out.csv", "--keep-going", status=1)
    score("ranker", "in.csv", "whole.csv", "--keep-going", status=1)
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert [row["id"] for row in read("out.csv")] == [str(row["id"]) for row in rows]


def test_a_run_that_was_killed_while_it_moved_its_output_ends_well(score: Callable[..., str]) -> None:
    write("in.csv", texts(3))
    score("tagger", "in.csv", "out.csv")
    whole = Path("out.csv").read_bytes()
    Path("in.csv").touch()
    score("tagger", "in.csv", "again.csv")
    write("one.csv", [*texts(1), {"id": "1", "text": "refuse", "note": ""}])
    score("tagger", "one.csv", "out2.csv", status=2)
    journal = Path("out2.csv.partial", "journal.jsonl")
    lines = journal.read_text(encoding="utf-8").splitlines()
    journal.write_text("\n".join([*lines, lines[-1].replace('"finished": false', '"finished": true')]) + "\n")
    score("tagger", "one.csv", "out2.csv")
    assert not Path("out2.csv.partial").exists()
    assert [row["id"] for row in read("out2.csv")] == ["0"]
    assert Path("again.csv").read_bytes() == whole


def test_overwriting_replaces_the_output_only_at_the_end(
    stopped: Callable[..., str], score: Callable[..., str]
) -> None:
    Path("out.csv").write_text("precious", encoding="utf-8")
    told = stopped("csv", "--overwrite")
    assert (
        "with --keep-going, which notes errors in a column, and without --overwrite goes on from row 201"
        in told
    )
    assert Path("out.csv").read_text(encoding="utf-8") == "precious"
    assert "Going on from row 201" in score("tagger", "in.csv", "out.csv", "--keep-going", status=1)
    assert len(read("out.csv")) == 400


def test_two_runs_do_not_write_one_output(stopped: Callable[..., str], score: Callable[..., str]) -> None:
    stopped("csv")
    journal = Journal(Path("out.csv"))
    assert "Another `tritext score` is writing out.csv.partial" in score(
        "tagger", "in.csv", "out.csv", status=2
    )
    journal.close()


class Slowly:
    """Runs that take seconds, because every request holds one text, and that end when they are told to."""

    def __init__(self, url: str, *arguments: str) -> None:
        self.arguments = (*arguments, "--batch-size", "1", "--in-flight", "1")
        self.environment = {"TRITEXT_URL": url, "COLUMNS": "200", "PATH": ""}

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", IMPATIENT, "score", *self.arguments]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, **options)


def wait_for_rows(output: str, rows: int) -> None:
    """Until the journal has that many."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = begun(Path(output))
        if found and found[1].rows >= rows:
            return
        time.sleep(0.01)
    raise AssertionError(f"no {rows} rows within a minute")


@pytest.fixture
def whole(score: Callable[..., str]) -> Path:
    """The output of a run that nothing interrupts."""
    write("in.csv", texts(3000))
    score("tagger", "in.csv", "whole.csv")
    return Path("whole.csv")


def test_ctrl_c_ends_a_run_that_goes_on(tasks_server: Server, score: Callable[..., str], whole: Path) -> None:
    process = Slowly(tasks_server.grpc_url, "tagger", "in.csv", "out.csv").start()
    wait_for_rows("out.csv", 100)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    told = " ".join(errors.decode().split())
    assert process.returncode == 130
    assert "Interrupted. Rows done: " in told
    assert "Traceback" not in told
    assert "Going on from row " in score("tagger", "in.csv", "out.csv")
    assert Path("out.csv").read_bytes() == whole.read_bytes()


def test_a_full_disk_ends_a_run_that_goes_on(
    tasks_server: Server, score: Callable[..., str], whole: Path
) -> None:
    limit = whole.stat().st_size // 2
    process = Slowly(tasks_server.grpc_url, "tagger", "in.csv", "out.csv").start(
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    _, errors = process.communicate(timeout=60)
    told = " ".join(errors.decode().split())
    assert process.returncode == 2
    assert "Cannot write out.csv.partial/rows.csv: file too large. Rows done: " in told
    assert "Going on from row " in score("tagger", "in.csv", "out.csv")
    assert Path("out.csv").read_bytes() == whole.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("target", FORMATS)
def test_kill_minus_nine_at_any_moment_costs_no_row(
    tasks_server: Server, score: Callable[..., str], target: str
) -> None:
    write("in.csv", texts(3000))
    run = Slowly(tasks_server.grpc_url, "tagger", "in.csv", f"out.{target}")
    for number in range(8):
        process = run.start()
        wait_for_rows(f"out.{target}", 300 * (number + 1))
        time.sleep(number * 0.007)
        process.kill()
        process.communicate()
    score("tagger", "in.csv", f"out.{target}")
    score("tagger", "in.csv", f"whole.{target}")
    assert read(f"out.{target}") == read(f"whole.{target}")
    if target != "parquet":
        assert Path(f"out.{target}").read_bytes() == Path(f"whole.{target}").read_bytes()


@pytest.mark.slow
def test_a_server_that_comes_back_is_waited_for_and_one_that_stays_away_is_not(
    tmp_path: Path, score: Callable[..., str], whole: Path
) -> None:
    repository = write_models(tmp_path / "repository")
    with running_server(repository) as server:
        port = int(server.grpc_url.rpartition(":")[2])
        process = Slowly(server.grpc_url, "tagger", "in.csv", "out.csv").start()
        hasty = Slowly(server.grpc_url, "tagger", "in.csv", "hasty.csv", "--patience", "1").start()
        wait_for_rows("out.csv", 100)
        wait_for_rows("hasty.csv", 100)
    _, errors = hasty.communicate(timeout=60)
    assert hasty.returncode == 4
    assert "No answer for " in errors.decode()
    with running_server(repository, grpc_port=port):
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert "waiting for the server" in errors.decode()
    assert "Going on from row " in score("tagger", "in.csv", "hasty.csv")
    for path in ("out.csv", "hasty.csv"):
        assert Path(path).read_bytes() == whole.read_bytes()


def test_a_run_whose_rows_were_taken_away_does_not_go_on(
    stopped: Callable[..., str], score: Callable[..., str]
) -> None:
    for target, name in (("csv", "rows.csv"), ("parquet", "00000001.parquet")):
        stopped(target)
        Path(f"out.{target}.partial", name).unlink()
        for option in ((), ("--keep-going",)):
            told = score("tagger", "in.csv", f"out.{target}", *option, status=2)
            assert f"out.{target}.partial holds no run that can go on" in told


def test_how_a_query_has_its_texts_is_seen_in_the_first_sound_row(score: Callable[..., str]) -> None:
    rows = [{"query": "", "text": "b"}, {"query": "ab", "text": "b"}, {"query": "ab", "text": '["b", "a"]'}]
    score("ranker", write("in.csv", rows), "out.csv", "--keep-going", status=1)
    assert [(row["score"], row["error"]) for row in read("out.csv")] == [
        ("", "the query is missing or empty"),
        ("1.0", ""),
        ("", "expected one text, as in the rows before"),
    ]


def test_a_server_that_never_worked_is_not_waited_for(score: Callable[..., str]) -> None:
    write("in.csv", texts(1))
    assert "RESULT is not JSON" in score("garbled", "in.csv", "out.csv", status=2)
    assert not Path("out.csv.partial").exists()
