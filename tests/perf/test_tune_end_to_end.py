"""`tritext tune` as a person uses it: a real Triton, the real perf_analyzer, and everything that can go wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tritext_build import BuildRequest, build
from tritext_perf.installation import PerfAnalyzer
from tritext_serving import running_server

TRITEXT = [sys.executable, "-c", "from tritext.cli import main; main()", "tune"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "repository"
    build(BuildRequest(checkpoint=str(checkpoint), name="tiny", repository=folder))
    return folder


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Path:
    """A repository that a test may change, with one model."""
    return Path(shutil.copytree(built, tmp_path / "repository"))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{'word ' * (1 + number % 40)}\n" for number in range(100)))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tune(*arguments: object, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [*TRITEXT, *map(str, arguments)]
    everything = {**os.environ, **environment}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=500, cwd=folder, check=False, env=everything
    )


@pytest.mark.slow
def test_a_search_measures_judges_and_changes_at_most_one_file(
    own: Path, texts: Path, perf_analyzer: PerfAnalyzer, tmp_path: Path
) -> None:
    before = files(own)
    options = ["--users", 16, "--budget", 2, "--perf-analyzer", perf_analyzer.path]
    result = tune("tiny", "--data", texts, "--repository", own, *options, "--json", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    finals = [trial for trial in document["trials"] if trial["stage"] == "final"]
    assert document["default"] in [trial["setting"] for trial in finals]
    assert all(trial["throughput"] > 0 for trial in document["trials"])
    assert any(trial["setting"] == document["winner"] and not trial["errors"] for trial in finals)
    (results,) = (tmp_path / "tune").iterdir()
    assert json.loads((results / "results.json").read_text()) == document
    assert (results / "tune.png").is_file()
    changed = {name for name, content in files(own).items() if before.get(name) != content}
    if document["written"]:
        assert changed == {"tiny_model/config.pbtxt"}
        assert (results / "config.pbtxt").read_bytes() == files(own)["tiny_model/config.pbtxt"]
        with running_server(own) as server:
            assert server.control.live()
    else:
        assert document["winner"] == document["default"]
        assert changed == set()


@pytest.mark.slow
def test_ctrl_c_leaves_the_repository_as_it_was_no_process_and_what_was_measured(
    own: Path, texts: Path, perf_analyzer: PerfAnalyzer, tmp_path: Path
) -> None:
    before = files(own)
    options = ["--perf-analyzer", str(perf_analyzer.path), "--output", str(tmp_path / "out")]
    command = [*TRITEXT, "tiny", "--data", str(texts), "--repository", str(own), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 200
        while not (tmp_path / "out/raw/02/users-64-attempt-1.log").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children)
    document = json.loads((tmp_path / "out/results.json").read_text())
    assert document["interrupted"]
    assert len(document["trials"]) == 1
    assert files(own) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gone"], "holds no complete model 'gone'; it has tiny"),
        (["tiny_model"], "it is no ensemble"),
        (["tiny", "--repository", "nowhere"], "There is no model repository at nowhere"),
        (["tiny", "--data", "nowhere.csv"], "nowhere.csv"),
        (["tiny", "--data", "{empty}"], "empty.txt"),
        (["tiny", "--p99", "fast"], "--p99 expects a time with its unit"),
        (["tiny", "--users", "0"], "--users expects"),
        (["tiny", "--users", "8", "--rate", "8"], "expected --users or --rate, got both"),
        (["tiny", "--budget", "0"], "--budget expects"),
        (["tiny", "--perf-analyzer", "/bin/false"], "/bin/false does not run as perf_analyzer"),
        (["tiny", "--tritonserver", "/bin/false"], "/bin/false is not an installed tritonserver"),
        (["tiny", "--output", "{full}"], "the folder is not empty"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2_and_changes_nothing(
    own: Path, texts: Path, tmp_path: Path, perf_analyzer: PerfAnalyzer, arguments: list[str], says: str
) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/results.json").touch()
    before = files(own)
    places = {"empty": tmp_path / "empty.txt", "full": tmp_path / "full"}
    usual = ["--data", texts, "--repository", own, "--perf-analyzer", perf_analyzer.path]
    result = tune(*usual, *[text.format(**places) for text in arguments], folder=tmp_path)
    assert result.returncode == 2, result.stderr
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert files(own) == before


@pytest.mark.slow
def test_a_perf_analyzer_that_gives_up_is_told_in_its_own_words_and_nothing_is_left(
    own: Path, texts: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "perf_analyzer"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Perf Analyzer Version 2.51.0 (commit x)" && exit\n'
                      'echo "error: Failed to obtain stable measurement"; exit 99\n')  # fmt: skip
    broken.chmod(0o755)
    before = files(own)
    place = tmp_path / "place"
    place.mkdir()
    usual = ("--data", texts, "--repository", own)
    result = tune("tiny", *usual, "--perf-analyzer", broken, folder=tmp_path, TMPDIR=str(place))
    assert result.returncode == 2
    assert "cannot be measured as it is served now" in result.stderr
    assert "Failed to obtain stable measurement" in result.stderr
    assert files(own) == before
    assert list(place.iterdir()) == []
