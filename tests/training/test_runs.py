"""Laws of a run: it resumes after being killed, Ctrl+C keeps the best epoch, and nothing half-done is published."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import QUICK, options
from tests.training.tiny_base import write_topics
from tests.training.tiny_tasks import KINDS, make_data
from tritext_training.errors import (
    AlreadyRunning,
    DifferentRun,
    DiskFull,
    NotWritable,
    OutputExists,
    OutputForeign,
)
from tritext_training.run import train
from tritext_training.work import disk_errors, work_folder


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from tritext.cli import main; main()", "train", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_epoch(process: subprocess.Popen[str], output: Path) -> None:
    """Until the first epoch of the run into `output` is saved to its end."""
    checkpoints = output.parent / f".{output.name}.training" / "checkpoints"
    for _ in range(600):
        if any(checkpoints.glob("checkpoint-*/trainer_state.json")):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("no epoch was saved")


def arguments(data: Path, base: Path, output: Path, epochs: int) -> list[str]:
    return [
        *("--data", str(data), "--base", str(base), "--output", str(output), "--epochs", str(epochs)),
        *(
            "--learning-rate",
            str(QUICK["learning_rate"]),
            "--batch-size",
            "8",
            "--max-length",
            "16",
            "--early-stopping",
            "0",
        ),
    ]


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been_killed(tmp_path: Path, base: Path) -> None:
    data = write_topics(tmp_path / "data.csv", rows=400, seed=5)
    given = {"data": data, "base": str(base), "epochs": 6, "early_stopping": 0}
    output = tmp_path / "killed"
    with running(*arguments(data, base, output, epochs=6)) as process:
        wait_for_epoch(process, output)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not output.exists()
    with pytest.raises(DifferentRun, match="seed was 42, now 43"):
        train(options(**given, output=output, seed=43))
    resumed = train(options(**given, output=output))
    whole = train(options(**given, output=tmp_path / "whole"))
    assert resumed["training"]["resumed"]
    assert not whole["training"]["resumed"]
    assert resumed["training"]["curves"] == whole["training"]["curves"]
    assert (output / "model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "kind",
    ["tags", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("questions", "pairs", "rankings"))],
)
def test_every_task_goes_on_after_a_kill_as_if_it_had_not_been_killed(
    tmp_path: Path, base: Path, kind: str
) -> None:
    data, task, output = make_data(tmp_path, kind), KINDS[kind][0], tmp_path / "killed"
    given = {"task": task, "data": data, "base": str(base), "epochs": 12, "early_stopping": 0}
    with running("--task", task, *arguments(data, base, output, epochs=12)) as process:
        wait_for_epoch(process, output)
        process.send_signal(signal.SIGKILL)
        process.wait()
    resumed = train(options(**given, output=output))
    whole = train(options(**given, output=tmp_path / "whole"))
    assert resumed["training"]["resumed"]
    assert resumed["training"]["curves"] == whole["training"]["curves"]
    assert resumed["metrics"] == whole["metrics"]
    assert (output / "model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", ["labels", "questions", "similarities"])
def test_ctrl_c_keeps_the_best_epoch_so_far_and_still_tests_and_publishes(
    tmp_path: Path, base: Path, kind: str
) -> None:
    if kind == "labels":
        data, task = write_topics(tmp_path / "data.csv", rows=300, seed=5), "text-classification"
    else:
        data, task = make_data(tmp_path, kind), KINDS[kind][0]
    output = tmp_path / "stopped"
    with running("--task", task, *arguments(data, base, output, epochs=10_000), "--json") as process:
        wait_for_epoch(process, output)
        process.send_signal(signal.SIGINT)
        answer, messages = process.communicate(timeout=60)
    assert process.returncode == 0, messages
    summary = json.loads(answer)
    report = json.loads((output / "training_report.json").read_text())
    assert summary["interrupted"]
    assert summary["epochs"] < 10_000
    curves = report["training"]["curves"]
    best = report["training"]["best_by"]
    assert max(point[f"validation_{best}"] for point in curves) == pytest.approx(
        report["metrics"]["validation"][best], abs=1e-5
    )
    assert report["metrics"]["test"]


def test_an_existing_output_is_refused_and_untouched_unless_it_may_be_replaced(
    tmp_path: Path, base: Path, topics: Path
) -> None:
    given = options(data=topics, base=str(base), output=tmp_path / "out", epochs=1)
    train(given)
    before = (given.output / "training_report.json").read_bytes()
    with pytest.raises(OutputExists, match="--overwrite"):
        train(given)
    assert (given.output / "training_report.json").read_bytes() == before
    train(replace(given, overwrite=True, seed=1))
    assert (given.output / "training_report.json").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing else is left"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_no_training_made_is_never_replaced(
    tmp_path: Path, base: Path, topics: Path, *, overwrite: bool
) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(OutputForeign):
        train(options(data=topics, base=str(base), output=tmp_path, overwrite=overwrite))
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_data_that_changed_meanwhile_are_never_mixed_into_an_interrupted_run(tmp_path: Path) -> None:
    with work_folder(tmp_path / "out", job={"data": "a"}, overwrite=False) as work:
        (work.checkpoints / "checkpoint-1").mkdir()
    with (
        pytest.raises(DifferentRun, match="data was a, now b"),
        work_folder(tmp_path / "out", job={"data": "b"}, overwrite=False),
    ):
        pass
    with work_folder(tmp_path / "out", job={"data": "b"}, overwrite=True) as work:
        assert list(work.checkpoints.iterdir()) == []


def test_two_processes_never_train_into_one_output(tmp_path: Path) -> None:
    with (
        work_folder(tmp_path / "out", job={}, overwrite=False),
        pytest.raises(AlreadyRunning),
        work_folder(tmp_path / "out", job={}, overwrite=True),
    ):
        pass


def test_a_checkpoint_that_was_being_written_when_killed_is_not_resumed_from(tmp_path: Path) -> None:
    states = {9: "{}", 10: "{}", 11: '{"epo', 12: ""}
    with work_folder(tmp_path / "out", job={}, overwrite=False) as work:
        for step, state in states.items():
            (work.checkpoints / f"checkpoint-{step}").mkdir()
            (work.checkpoints / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
        (work.checkpoints / "checkpoint-13").mkdir()
        assert work.last_checkpoint() == work.checkpoints / "checkpoint-10"


def test_an_output_below_a_file_is_refused_in_one_sentence(tmp_path: Path, base: Path, topics: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable):
        train(options(data=topics, base=str(base), output=tmp_path / "file" / "out"))


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="run the same command again"), disk_errors(tmp_path):
        raise OSError(28, os.strerror(28))
