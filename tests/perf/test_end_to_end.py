"""The real perf_analyzer against a real Triton."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tritext_perf.installation import PerfAnalyzer
from tritext_serving import Server, running_server

pytestmark = pytest.mark.slow

TRITEXT = [sys.executable, "-c", "from tritext.cli import main; main()", "bench"]


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[Server]:
    with running_server(repository) as running:
        yield running


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        writer.writerows([["word " * (1 + number % 40) + "🙂\nend"] for number in range(100)])
    return path


def arguments(url: str, texts: Path, perf_analyzer: PerfAnalyzer, *more: str) -> list[str]:
    options = [
        "--url",
        url,
        "--data",
        str(texts),
        "--perf-analyzer",
        str(perf_analyzer.path),
        "--attempts",
        "1",
    ]
    return [*TRITEXT, "tiny", *options, *more]


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_benchmark_measures_users_and_rates_over_both_protocols(
    server: Server, texts: Path, perf_analyzer: PerfAnalyzer, tmp_path: Path, protocol: str
) -> None:
    url = server.grpc_url if protocol == "grpc" else f"http://{server.http_url}"
    command = arguments(
        url, texts, perf_analyzer, "--users", "1,16", "--rate", "100", "--seconds", "1", "--json"
    )
    result = subprocess.run(
        [*command, "--output", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    one, many, rate = document["scenarios"]
    assert all(scenario["errors"] == 0 for scenario in (one, many, rate))
    assert [stage["name"] for stage in many["stages"]] == ["tokenizer", "model", "postprocess"]
    assert many["average_batch"] > one["average_batch"] >= 1
    assert 50 < rate["throughput"] < 150
    assert document["data"]["tokens"]["max"] > document["data"]["tokens"]["min"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "bench.png",
        "raw",
        "results.csv",
        "results.json",
    }


def test_a_benchmark_tells_how_many_servers_a_load_takes(
    server: Server, texts: Path, perf_analyzer: PerfAnalyzer, tmp_path: Path
) -> None:
    folder = tmp_path / "bench"
    command = arguments(server.grpc_url, texts, perf_analyzer, "--users", "1,32", "--seconds", "1")
    subprocess.run([*command, "--output", str(folder)], check=True, capture_output=True)
    measured = json.loads((folder / "results.json").read_text())
    most_rows = {step["name"]: step["most_rows"] for step in measured["model"]["steps"]}
    assert most_rows == {"tokenizer": 64, "model": 16, "postprocess": 64}
    throughputs = [scenario["throughput"] for scenario in measured["scenarios"]]
    rate = 10 * throughputs[1]
    asked = ["capacity", str(folder), "--rate", str(rate), "--p99", "2s", "--json"]
    planned = subprocess.run([*TRITEXT[:-1], *asked], check=True, capture_output=True, text=True)
    plan = json.loads(planned.stdout)
    assert plan["servers"] > 1
    assert [check["measured"] for check in plan["checks"]] == throughputs
    assert all(check["predicted"] > 0 for check in plan["checks"])
    assert (folder / "capacity.png").is_file()


def test_ctrl_c_keeps_what_was_measured(
    server: Server, texts: Path, perf_analyzer: PerfAnalyzer, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = arguments(server.grpc_url, texts, perf_analyzer, "--users", "1,2", "--seconds", "1")
    with subprocess.Popen([*command, "--output", str(out)], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (out / "raw" / "users-2-attempt-1.log").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads((out / "results.json").read_text())
    assert document["interrupted"]
    assert [one["scenario"]["load"] for one in document["scenarios"]] == [1]


@pytest.mark.parametrize("source", ["--string-data", "--input-data"])
def test_perf_analyzer_by_hand_works_with_raw_strings(
    server: Server, perf_analyzer: PerfAnalyzer, tmp_path: Path, source: str
) -> None:
    data = tmp_path / "texts.json"
    data.write_text(json.dumps({"data": [{"TEXT": ["Where is my parcel?"]}, {"TEXT": ["naïve 🙂"]}]}))
    value = str(data) if source == "--input-data" else "Where is my parcel?"
    command = [
        str(perf_analyzer.path),
        "-m",
        "tiny",
        "-u",
        server.grpc_url,
        "-i",
        "grpc",
        "--async",
        source,
        value,
    ]
    result = subprocess.run(
        [*command, "--concurrency-range", "4", "-p", "500", "-s", "1000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "tiny_tokenizer" in result.stdout
