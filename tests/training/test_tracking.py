"""Runs are kept whole: every epoch, every option, the checkpoint; one run makes one version, killed or not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.training.conftest import options
from tritext.registry import Registry
from tritext.registry.runs import RunSummary, one, summaries
from tritext_training.errors import TrainingError
from tritext_training.listening import Listener
from tritext_training.run import train
from tritext_training.tracking import Tracking

TRACKING = Tracking(experiment="topics", register="topics")


class StopsAt(Listener):
    """A listener that ends the run, as a kill would, when an epoch is over."""

    def __init__(self, epoch: int, error: type[BaseException]) -> None:
        self._epoch, self._error = epoch, error

    def epoch(self, number: float, figures: Mapping[str, float]) -> None:
        del figures
        if number >= self._epoch:
            raise self._error


def _runs(store: Registry) -> list[RunSummary]:
    return summaries(store.connection, "topics")


def test_a_run_keeps_options_epochs_reports_and_checkpoint(
    store: Registry, base: Path, topics: Path, tmp_path: Path
) -> None:
    """What is needed to repeat, compare and serve a run lies in the store, and the report names the run."""
    report = train(
        options(data=topics, base=str(base), output=tmp_path / "out", epochs=3, seed=7), tracking=TRACKING
    )
    run = one(store.connection, report["tracking"]["run_id"][:8])
    assert run.status == "finished"
    assert run.parameters["seed"] == "7"
    assert run.parameters["data_sha256"] == report["data"]["files"]["data"]["sha256"]
    assert run.metrics["test/macro_f1"] == report["metrics"]["test"]["macro_f1"]
    history = store.connection.client.get_metric_history(run.id, "validation_macro_f1")
    assert [point.step for point in history] == [1, 2, 3]
    assert [point.value for point in history] == [
        point["validation_macro_f1"] for point in report["training"]["curves"]
    ]
    version = store.resolve("models:/topics")
    assert report["registered"] == {"name": "topics", "version": 1}
    assert version.run_id == run.id
    kept, published = store.download(version), tmp_path / "out"
    assert {file.name: file.read_bytes() for file in kept.iterdir()} == {
        file.name: file.read_bytes() for file in published.iterdir()
    }


def test_a_run_that_is_resumed_stays_one_run_and_makes_one_version(
    store: Registry, base: Path, topics: Path, tmp_path: Path
) -> None:
    """Whatever ends the process, the next one goes on with the same run, and registers once."""
    asked = options(data=topics, base=str(base), output=tmp_path / "out", epochs=3)
    for stop in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            train(asked, tracking=TRACKING, listeners=[StopsAt(stop, KeyboardInterrupt)])
    assert [run.status for run in _runs(store)] == ["killed"]
    report = train(asked, tracking=TRACKING)
    assert report["training"]["resumed"]
    (run,) = _runs(store)
    assert (run.status, run.id) == ("finished", report["tracking"]["run_id"])
    assert store.register("topics", run_id=run.id).version == 1
    assert len(store.connection.client.search_model_versions("name='topics'")) == 1


def test_what_ends_in_an_error_is_kept_as_failed_and_registers_nothing(
    store: Registry, base: Path, topics: Path, tmp_path: Path
) -> None:
    """A failed run can be seen, and leads to no version."""
    with pytest.raises(RuntimeError):
        train(
            options(data=topics, base=str(base), output=tmp_path / "out", epochs=2),
            tracking=TRACKING,
            listeners=[StopsAt(1, RuntimeError)],
        )
    assert [run.status for run in _runs(store)] == ["failed"]
    assert not store.versions_of_runs()


def test_options_that_are_refused_leave_no_run(
    store: Registry, base: Path, topics: Path, tmp_path: Path
) -> None:
    """A user's mistake is told before anything is kept."""
    with pytest.raises(TrainingError):
        train(options(data=topics, base=str(base), output=tmp_path / "out", max_samples=2), tracking=TRACKING)
    assert not store.connection.client.search_runs(["0", "1"])
