"""What is written and shown is what was measured."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.perf.conftest import measurement
from tritext_perf import card, report
from tritext_perf.errors import OutputInUse
from tritext_perf.measurement import Failure, Outcome, Window
from tritext_perf.report import Report
from tritext_perf.scenario import Scenario

STEP = {"name": "model", "model": "tickets_model", "version": "3", "backend": "onnxruntime", "instances": 2}


def made(*outcomes: Outcome, **changes: Any) -> Report:
    usual: dict[str, Any] = {
        "model": {"name": "tickets", "version": "3", "parameters": {}, "steps": [{**STEP, "parameters": {}}]},
        "server": {"url": "grpc://localhost:8001", "version": "2.51.0"},
        "data": {
            "path": "t.csv",
            "sha256": "0" * 64,
            "rows": 9,
            "texts": 9,
            "refused": 0,
            "remark": "",
            "characters": {"mean": 5, "max": 7},
            "tokens": None,
        },
        "settings": {"seconds": 5.0, "stability": 0.1, "attempts": 3, "windows": 3, "seed": 0},
        "machine": {"cpu": "A processor [fast]", "usable_cores": 2, "server_is_local": True},
        "versions": {"tritext": "0.1.0", "perf_analyzer": "2.51.0"},
        "date": "2030-01-01T00:00:00+00:00",
        "metrics": None,
        "interrupted": False,
    }
    return Report(**{**usual, **changes}, outcomes=outcomes)


def failure() -> Failure:
    return Failure(scenario=Scenario(kind="users", load=64), reason="the queue [of 4096] is full", errors=7)


def shown(result: Report) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    card.show(result, console)
    return console.export_text()


def test_json_csv_and_picture_are_written(tmp_path: Path) -> None:
    folder = report.new_folder(tmp_path / "out")
    report.write(made(measurement(), measurement(scenario=Scenario(kind="rate", load=5)), failure()), folder)
    document = json.loads((folder / "results.json").read_text())
    assert [one["scenario"]["load"] for one in document["scenarios"]] == [8, 5, 64]
    assert (folder / "bench.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["throughput"] == "100.0"
    assert rows[0]["model_compute"] == "10.0"
    assert rows[2]["problem"] == failure().reason


def test_without_figures_there_is_no_picture(tmp_path: Path) -> None:
    folder = report.new_folder(tmp_path / "out")
    report.write(made(failure()), folder)
    assert not (folder / "bench.png").exists()
    assert made(failure()).failed


def test_results_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(OutputInUse, match="never overwritten"):
        report.new_folder(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputInUse, match="not a directory"):
        report.new_folder(tmp_path / "file" / "out")


def test_the_table_fits_a_terminal_of_80_columns_and_hides_no_column() -> None:
    text = shown(made(measurement(), measurement(scenario=Scenario(kind="rate", load=1000))))
    assert all(column in text for column in ("texts/s", "p50", "p99", "errors", "spread", "elsewhere"))
    assert "…" not in text


def test_names_in_brackets_are_shown_as_they_are() -> None:
    text = shown(made(measurement(), failure()))
    assert "A processor [fast]" in text
    assert "the queue [of 4096] is full" in text


def test_what_is_unsteady_is_said() -> None:
    assert any(
        "Not steady at 8 users" in note for note in card.notes(made(measurement(steady=False, spread=0.4)))
    )


def test_steady_figures_need_no_note() -> None:
    assert card.notes(made(measurement())) == []


def test_a_rate_beyond_the_server_is_said() -> None:
    windows = tuple(Window(throughput=10, latency=latency) for latency in (1.0, 5.0, 9.0))
    behind = measurement(scenario=Scenario(kind="rate", load=900), windows=windows, steady=False)
    (note,) = card.notes(made(behind))
    assert "does not keep up with 900/s" in note


def test_an_interrupted_benchmark_says_so() -> None:
    assert any("Interrupted" in note for note in card.notes(made(measurement(), interrupted=True)))


def test_quality_is_told_beside_speed() -> None:
    assert "accuracy 0.9125" in shown(made(measurement(), metrics={"accuracy": 0.9125, "macro_f1": 0.9}))
