"""`tritext serve` and `tritext status` as a person and a supervisor of processes use them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.serving.asking import data_of, infer, nothing_left_of, texts, wait_until
from tritext_serving import Server

TRITEXT = [sys.executable, "-c", "from tritext.cli import main; main()"]
FREE = ["--http-port=0", "--grpc-port=0", "--metrics-port=0"]


def tritext(*arguments: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [*TRITEXT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


@contextmanager
def served(*arguments: object, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """A running `tritext serve` that is ready, and the file with what it wrote."""
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([*TRITEXT, "serve", *map(str, arguments)], stdout=file, stderr=file)
    try:
        assert wait_until(
            lambda: "Ready" in log.read_text(encoding="utf-8") or process.poll() is not None, 60
        )
        yield process, log
    finally:
        process.kill()
        process.wait()


def http_url(log: Path) -> str:
    line = next(line for line in log.read_text(encoding="utf-8").splitlines() if "HTTP" in line)
    return line.split("http://")[1].strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--repository", "nowhere"], "There is no model repository at nowhere"),
        (["--repository", "."], "holds no complete model"),
        (["--tritonserver", "/etc/passwd"], "/etc/passwd is not an executable file"),
        (["--tritonserver", "/nowhere/tritonserver"], "is not an executable file"),
        (["--tritonserver", sys.executable], "is not an installed tritonserver"),
        (["--repository", "{small}", "--host", "no.such.host.invalid"], "--host"),
        (["--repository", "{small}", "--http-port", "{taken}"], "--http-port"),
        (["--repository", "{small}", "--pid-file", "/nowhere/pid"], "--pid-file"),
        (["--repository", "{small}", "--pid-file", "/nowhere/pid", "--detach"], "--pid-file"),
    ],
)
def test_what_cannot_be_served_is_one_sentence_and_status_2(
    tmp_path: Path, small_repository: Path, arguments: list[str], says: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"small": small_repository, "taken": taken.getsockname()[1]}
        result = tritext("serve", *FREE, *[text.format(**names) for text in arguments], folder=tmp_path)
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_success_and_leaves_nothing(
    tmp_path: Path, small_repository: Path, number: signal.Signals
) -> None:
    with served("--repository", small_repository, *FREE, "--pid-file", tmp_path / "pid", folder=tmp_path) as (
        process,
        log,
    ):
        assert "curl" in log.read_text(encoding="utf-8")
        assert int((tmp_path / "pid").read_text(encoding="utf-8")) == process.pid
        with nothing_left_of(psutil.Process(process.pid).children(recursive=True), tmp_path / "pid"):
            process.send_signal(number)
            assert process.wait(20) == 0
    assert "Stopped." in log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_killing_the_command_itself_leaves_nothing(tmp_path: Path, small_repository: Path) -> None:
    with served("--repository", small_repository, *FREE, folder=tmp_path) as (process, _):
        family = psutil.Process(process.pid).children(recursive=True)
        parts = [Path(part) for child in family for part in child.cmdline()]
        place = next(path for path in parts if path.name.startswith("tritext-") and path.is_dir())
        with nothing_left_of(family, place):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_killing_the_guard_is_a_death_like_any_other(tmp_path: Path, small_repository: Path) -> None:
    with served("--repository", small_repository, *FREE, folder=tmp_path) as (process, log):
        url = http_url(log)
        guard = next(
            child for child in psutil.Process(process.pid).children() if "guard.py" in str(child.cmdline())
        )
        guard.kill()
        assert wait_until(lambda: "Ready again" in log.read_text(encoding="utf-8"), 20)
        assert infer(url, "tiny", texts("a"))[0] == 200


@pytest.mark.slow
def test_detached_it_returns_when_ready_and_runs_on_until_it_is_told(
    tmp_path: Path, small_repository: Path
) -> None:
    begin = ["serve", "--repository", small_repository, *FREE, "--detach"]
    result = tritext(*begin, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    pid = int((tmp_path / "tritext-serve.pid").read_text(encoding="utf-8"))
    try:
        assert infer(http_url(tmp_path / "tritext-serve.log"), "tiny", texts("a"))[0] == 200
        second = tritext(*begin, folder=tmp_path)
        assert (second.returncode, f"as process {pid}" in second.stderr) == (2, True)
    finally:
        os.kill(pid, signal.SIGTERM)
        assert wait_until(lambda: not (tmp_path / "tritext-serve.pid").exists(), 20)


def test_detached_it_says_why_it_did_not_start(tmp_path: Path) -> None:
    (tmp_path / "tritext-serve.pid").write_text("4194303999", encoding="utf-8")
    result = tritext("serve", "--repository", "nowhere", *FREE, "--detach", folder=tmp_path)
    assert result.returncode == 2
    assert "There is no model repository at nowhere" in result.stderr


@pytest.fixture(scope="module")
def small_server(small_repository: Path) -> Iterator[Server]:
    from tritext_serving import running_server

    with running_server(small_repository) as server:
        yield server


def test_status_tells_every_model_and_counts_what_was_asked(small_server: Server) -> None:
    for size in (1, 3):
        answer = infer(small_server.http_url, "tiny", texts(*["a"] * size))[1]
        assert len(data_of(answer)["LOGITS"]) == 3 * size
    status = json.loads(tritext("status", "--url", small_server.http_url, "--json").stdout)
    models = {model["name"]: model for model in status["models"]}
    assert status["ready"]
    assert {name: model["ensemble"] for name, model in models.items()} == {
        "tiny": None,
        "tiny_model": "tiny",
        "tiny_tokenizer": "tiny",
    }
    assert models["tiny"]["requests"] >= 2
    assert (
        models["tiny_model"]["average_batch"]
        == models["tiny_model"]["rows"] / models["tiny_model"]["executions"]
    )
    assert 0 < models["tiny_model"]["compute_ms"] < models["tiny"]["latency_ms"]


def test_status_says_which_model_is_not_ready_and_why(small_server: Server) -> None:
    small_server.control.unload("tiny")
    try:
        assert wait_until(lambda: "unloaded" in tritext("status", "--url", small_server.http_url).stdout, 5)
    finally:
        small_server.control.load("tiny")


def test_status_counts_anew_while_it_watches(small_server: Server) -> None:
    command = [*TRITEXT, "status", "--url", small_server.http_url, "--json", "--watch", "--interval", "0.5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            infer(small_server.http_url, "tiny", texts("a"))
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
    rates = [
        next(model for model in look["models"] if model["name"] == "tiny")["per_second"]
        for look in (first, second)
    ]
    assert rates[0] is None
    assert rates[1] > 1


@pytest.mark.parametrize(
    "url", ["127.0.0.1:1", "no.such.host.invalid:8000", "nonsense", "http://127.0.0.1:1/"]
)
def test_status_of_nobody_is_one_sentence_and_status_2(url: str) -> None:
    result = tritext("status", "--url", url)
    assert (result.returncode, result.stdout) == (2, "")
    assert "tritext serve" in result.stderr
    assert result.stderr.count("\n") == 1
