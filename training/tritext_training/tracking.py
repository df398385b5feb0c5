"""A training run as an MLflow run: options, epochs, figures, reports and checkpoint; and the version it becomes.

Everything here may happen twice without harm, since a run that was killed does it again when it is resumed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.registry import CHECKPOINT, RegisteredVersion, Registry, Run, registry
from tritext_training.errors import Pruned
from tritext_training.listening import Listener

RUN_ID = "run_id"
"""The file in the work folder that a resumed run finds its MLflow run by."""


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """Where a run is to be kept, and whether it becomes a registered version."""

    experiment: str
    register: str | None = None
    parent: str | None = None
    """The id of the run that this one is a part of; the whole keeps the checkpoint."""


class Tracked(Listener):
    """A training run that is being kept."""

    def __init__(self, store: Registry, run: Run, tracking: Tracking) -> None:
        self._store, self._run, self._register = store, run, tracking.register
        self._whole = tracking.parent is None

    @property
    def place(self) -> dict[str, str]:
        """For the report: where this run is kept."""
        return {"run_id": self._run.id}

    def settle(self, parameters: Mapping[str, Any]) -> None:
        """Keep what the run was asked for."""
        self._run.log_parameters(parameters)

    def epoch(self, number: float, figures: Mapping[str, float]) -> None:
        self._run.log_metrics(figures, step=round(number))

    def publish(self, folder: Path, report: Mapping[str, Any]) -> RegisteredVersion | None:
        """Keep the finished checkpoint with its reports, and register it if that was asked for."""
        self._run.log_metrics({**report["metrics"], "seconds": report["seconds"]})
        self._run.set_tags({"task": report["task"], **_libraries(report)})
        if self._whole:
            self._run.log_folder(folder, CHECKPOINT)
        registered = self._store.register(self._register, run_id=self._run.id) if self._register else None
        self._run.finish()
        return registered

    def end(self, status: str) -> None:
        self._run.finish(status)


@contextmanager
def tracked(tracking: Tracking | None, *, name: str, folder: Path) -> Iterator[Tracked | None]:
    """The MLflow run for a work folder: the one that an earlier, killed run of the same job began, or a new one.

    Args:
        tracking: None keeps nothing.
        name: What the run is called.
        folder: Where its id is kept until it is finished.
    """
    if tracking is None:
        yield None
        return
    store, record = registry(), folder / RUN_ID
    before = record.read_text() if record.is_file() else None
    run = store.start_run(tracking.experiment, name=name, parent=tracking.parent, resume=before)
    record.write_text(run.id)
    kept = Tracked(store, run, tracking)
    try:
        yield kept
    except (KeyboardInterrupt, Pruned):
        kept.end("KILLED")
        raise
    except BaseException:
        kept.end("FAILED")
        raise


def _libraries(report: Mapping[str, Any]) -> dict[str, str]:
    """Versions of what shapes a result, to filter runs by."""
    return {f"library.{name}": version for name, version in report["environment"]["libraries"].items()}
