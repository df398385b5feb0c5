"""What becomes of a search's winner: it is written into the repository unless that was not wanted, and the results in any case."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.perf.test_tune_report import report
from tests.serving.repositories import add_ensemble
from tritext.commands.tune import _put_to_use
from tritext_perf.report import new_folder
from tritext_perf.tuning.choosing import Verdict
from tritext_perf.tuning.report import TuneReport
from tritext_serving import tunable
from tritext_serving.errors import ConfigChanged
from tritext_serving.step_settings import StepSettings
from tritext_serving.tunable import Tunable

WINNER = StepSettings(instances=7, threads=1, max_batch_size=64, limit=8)


@pytest.fixture
def model(tmp_path: Path) -> Tunable:
    add_ensemble(tmp_path / "repository", "tiny", "onnxruntime")
    return tunable.find(tmp_path / "repository", "tiny")


@pytest.fixture
def won(model: Tunable) -> TuneReport:
    """A search of which `WINNER` came out."""
    trials = [replace(trial, setting=WINNER) for trial in report().trials]
    verdict = Verdict(winner=WINNER, best=WINNER, reason="It is better.")
    return report(default=model.default, trials=trials, verdict=verdict)


def test_the_winner_is_written_and_the_results_say_where(
    model: Tunable, won: TuneReport, tmp_path: Path
) -> None:
    folder = new_folder(tmp_path / "out")
    _put_to_use(won, model, folder, dry_run=False)
    assert json.loads((folder / "results.json").read_text())["written"] == str(model.path)
    assert tunable.find(model.repository, "tiny").default == WINNER
    assert (folder / "config.pbtxt").read_bytes() == model.path.read_bytes()


def test_a_dry_run_writes_the_winner_among_the_results_alone(
    model: Tunable, won: TuneReport, tmp_path: Path
) -> None:
    folder = new_folder(tmp_path / "out")
    _put_to_use(won, model, folder, dry_run=True)
    assert model.path.read_text() == model.text
    assert "count: 7" in (folder / "config.pbtxt").read_text()
    assert json.loads((folder / "results.json").read_text())["written"] is None


@pytest.mark.parametrize(("winner", "interrupted"), [("default", False), (None, False), (None, True)])
def test_without_another_winner_nothing_is_written(
    model: Tunable, won: TuneReport, tmp_path: Path, winner: str | None, *, interrupted: bool
) -> None:
    folder = new_folder(tmp_path / "out")
    verdict = Verdict(winner=model.default if winner else None, best=WINNER, reason="It is not better.")
    without = replace(won, verdict=None if interrupted else verdict, interrupted=interrupted)
    _put_to_use(without, model, folder, dry_run=False)
    assert model.path.read_text() == model.text
    assert not (folder / "config.pbtxt").exists()
    assert (folder / "results.json").is_file()


def test_results_are_kept_where_the_config_can_no_longer_be_written(
    model: Tunable, won: TuneReport, tmp_path: Path
) -> None:
    folder = new_folder(tmp_path / "out")
    model.path.write_text(f"{model.text}\n# a build was here\n")
    with pytest.raises(ConfigChanged):
        _put_to_use(won, model, folder, dry_run=False)
    assert json.loads((folder / "results.json").read_text())["written"] is None
    assert (folder / "config.pbtxt").is_file()
