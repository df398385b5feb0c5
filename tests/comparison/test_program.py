"""What a user can get wrong ends in one sentence and status 2, before anything is measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from comparison import __main__ as program
from comparison.processes import Failed


def run(module: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{here}/nothing", "--data", "x.csv"], "there is no config.json in it"),
        (["{here}/checkpoint", "--data", "x.csv", "--parts", "all"], "there is no part 'all'"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path: Path, checkpoint: Path, arguments: list[str], says: str) -> None:
    assert checkpoint.is_dir()
    ended = run("comparison", *(argument.format(here=tmp_path) for argument in arguments))
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sizes_of_networks_that_are_none_are_refused(tmp_path: Path, checkpoint: Path) -> None:
    ended = run("comparison.gpu", checkpoint, "--data", tmp_path / "x.csv", "--sizes", "huge")
    assert ended.returncode == 2
    assert "--sizes knows tiny, base, large, not 'huge'" in ended.stderr


def test_a_model_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.pbtxt").write_text("")
    ended = run("comparison.startup", tmp_path, "mine")
    assert ended.returncode == 2
    assert "holds no model 'mine'; there is other" in ended.stderr


def test_what_is_kept_belongs_to_one_checkpoint(tmp_path: Path, checkpoint: Path) -> None:
    identity = program._identity(checkpoint, 128)
    (checkpoint / "model.safetensors").write_text("trained further")
    assert program._identity(checkpoint, 128) != identity
    assert not program._is_kept(tmp_path / "peers.json", identity)
    kept = {"identity": identity, "systems": {}, "mixes": {}, "samples": []}
    (tmp_path / "peers.json").write_text(json.dumps(kept))
    assert program._is_kept(tmp_path / "peers.json", identity)
    with pytest.raises(Failed, match="another checkpoint's figures"):
        program._is_kept(tmp_path / "peers.json", program._identity(checkpoint, 128))
