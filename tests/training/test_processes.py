"""Laws of training together: several processes make the model that one makes, and fail as one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import options
from tests.training.tiny_tasks import KINDS, make_data
from tritext_training import run
from tritext_training.run import train

TWO = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]


def launched(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    return subprocess.run(
        [*TWO, *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def curves(output: Path) -> list[dict[str, float]]:
    report: dict[str, Any] = json.loads((output / "training_report.json").read_text(encoding="utf-8"))
    points: list[dict[str, float]] = report["training"]["curves"]
    return points


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(
    tmp_path: Path, base: Path, topics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels, tags (a loss of each token) and pairs that compete with all others of their batch; no dropout."""
    monkeypatch.setattr(run, "fastest_precision", lambda: "fp32")
    common = {"base": str(base), "epochs": 2, "learning_rate": 1e-3, "batch_size": 8, "max_length": 16}
    runs = {"labels": {"task": "text-classification", "data": str(topics), "gradient_accumulation": 2}}
    for kind in ("tags", "pairs"):
        runs[kind] = {"task": KINDS[kind][0], "data": str(make_data(tmp_path, kind))}
    asked = [{**common, **given, "output": str(tmp_path / f"{kind}-2")} for kind, given in runs.items()]
    done = launched("-m", "tests.training.together", json.dumps(asked))
    assert done.returncode == 0, done.stderr
    for kind, given in runs.items():
        alone = {**common, **given, "data": Path(str(given["data"])), "gradient_accumulation": 1}
        train(options(**alone, output=tmp_path / f"{kind}-1"))
        one, two = curves(tmp_path / f"{kind}-1"), curves(tmp_path / f"{kind}-2")
        for name in ("train_loss", "validation_loss"):
            found, expected = ([point[name] for point in points] for points in (two, one))
            assert found == pytest.approx(expected, rel=1e-4), (kind, name)


@pytest.mark.slow
def test_a_mistake_is_told_once_and_ends_all_processes(tmp_path: Path, base: Path, topics: Path) -> None:
    given = ["--data", str(topics), "--base", str(base), "--output", str(tmp_path / "out")]
    done = launched("-m", "tritext", "train", *given, "--batch-size", "9", "--no-tracking")
    assert done.returncode != 0
    assert done.stderr.count("error: --batch-size is 9: expected a multiple of 2") == 1
    assert list(tmp_path.iterdir()) == []
