"""The texts that are sent are the file's, and arrive as they are."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.perf.conftest import Recorder
from tritext.tables import RecordsError
from tritext_perf import input_data, perf_analyzer
from tritext_perf.input_data import Texts
from tritext_perf.installation import PerfAnalyzer
from tritext_perf.perf_analyzer import Target
from tritext_perf.scenario import Scenario
from tritext_perf.server import Server

ODD = (
    *(
        "plain",
        "line\nbreak\ttab\r\nend",
        "naïve ümlaut 日本語 العربية",
        "🙂 👩‍👩‍👧",
        "nul \x00 inside",
        "\x00",
    ),
    *(
        '"quotes" \\ back',
        "\u2028 separator \ufeff mark",
        "e\u0301",
        "  spaces  ",
        "\x7f\x1b[0m",
        "x" * 70_000,
    ),
)


def read(path: Path, **changes: str | int) -> Texts:
    options: dict[str, str | int | None] = {
        "text_column": None,
        "label_column": None,
        "label_separator": None,
    }
    return input_data.read(path, **{**options, "most": 1000, "seed": 0, **changes})  # type: ignore[arg-type]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{n}\n" for n in range(50)))
    return path


def test_labels_stay_with_their_texts(labelled: Path) -> None:
    texts = read(labelled)
    assert texts.labels is not None
    assert all(text == f"text {label[0]}" for text, label in zip(texts.texts, texts.labels, strict=True))


def test_the_same_seed_chooses_the_same_texts_and_another_seed_others(labelled: Path) -> None:
    assert read(labelled, most=10).texts == read(labelled, most=10).texts
    assert read(labelled, most=10).texts != read(labelled, most=10, seed=1).texts


def test_a_sample_never_holds_a_row_twice(labelled: Path) -> None:
    assert len(set(read(labelled, most=49).texts)) == 49
    assert len(set(read(labelled, most=10**9).texts)) == 50


@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", "text\na\nb\n"), ("t.txt", "a\nb\n"), ("t.csv", "text,label\na,\nb,x\n")]
)
def test_data_without_labels_are_texts_all_the_same(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    texts = read(tmp_path / name)
    assert sorted(texts.texts) == ["a", "b"]
    assert texts.labels is None


def test_labels_that_were_asked_for_must_be_there(labelled: Path) -> None:
    with pytest.raises(RecordsError, match="nope"):
        read(labelled, label_column="nope")


def test_lengths_are_counted_in_characters() -> None:
    assert input_data.spread_of([1, 2, 3, 4, 100]) == {
        "min": 1,
        "mean": 22,
        "median": 3,
        "p95": 100,
        "max": 100,
    }


def test_the_file_is_ascii_json_with_one_request_for_each_text(tmp_path: Path) -> None:
    input_data.write(ODD, tmp_path / "texts.json", input_name="TEXT")
    document = json.loads((tmp_path / "texts.json").read_text(encoding="ascii"))
    assert [list(step) for step in document["data"]] == [["TEXT"]] * len(ODD)


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", [Scenario(kind="users", load=4), Scenario(kind="rate", load=200)], ids=str
)
def test_every_text_arrives_at_the_server_byte_for_byte(
    recorder: Recorder, perf_analyzer: PerfAnalyzer, tmp_path: Path, scenario: Scenario
) -> None:
    input_data.write(ODD, tmp_path / "texts.json", input_name="TEXT")
    target = Target(
        model=Server(recorder.address).model("echo"),
        address=recorder.address,
        input_data=tmp_path / "texts.json",
    )
    heard: list[int] = []
    run_once(perf_analyzer, target, scenario, files=tmp_path / "run", heard=heard)
    arrived = Counter(recorder.received)
    assert set(arrived) == {text.encode() for text in ODD}
    assert max(arrived.values()) - min(arrived.values()) <= 0.5 * max(arrived.values())
    assert heard == [1, 2, 3]


def run_once(
    program: PerfAnalyzer, target: Target, scenario: Scenario, *, files: Path, heard: list[int]
) -> None:
    perf_analyzer.run(program, target, scenario, seconds=0.3, files=files, heard=heard.append)
