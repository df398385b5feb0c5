"""A run: what was tried, how it went epoch by epoch, and what came of it."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tritext.registry.connection import Connection
from tritext.registry.errors import NoSuchExperiment, NoSuchRun, mlflow_errors

if TYPE_CHECKING:
    from mlflow.entities import Run as Entity

LONGEST_PARAMETER = 500
"""Characters of a parameter that are kept; MLflow takes 6,000, and people read a few."""

FEWEST_OF_AN_ID = 4


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that goes on. Everything logged twice is the same as once, so that a resumed run may repeat itself."""

    connection: Connection
    id: str

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Options and facts that do not change; nested names are joined by dots, and None is left out."""
        known = self.connection.client.get_run(self.id).data.params
        with mlflow_errors(self.connection.uri):
            for name, value in flattened(parameters, "."):
                if value is not None and name not in known:
                    self.connection.client.log_param(self.id, name, str(value)[:LONGEST_PARAMETER])

    def log_metrics(self, figures: Mapping[str, Any], *, step: int = 0) -> None:
        """Numbers at a step, nested names joined by slashes; what is no finite number is left out."""
        from mlflow.entities import Metric  # noqa: PLC0415

        now = int(time.time() * 1000)
        metrics = [
            Metric(name, float(value), now, step)
            for name, value in flattened(figures, "/")
            if isinstance(value, int | float) and math.isfinite(value)
        ]
        with mlflow_errors(self.connection.uri):
            self.connection.client.log_batch(self.id, metrics=metrics)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        with mlflow_errors(self.connection.uri):
            for name, value in tags.items():
                self.connection.client.set_tag(self.id, name, str(value))

    def log_folder(self, folder: Path, name: str) -> None:
        """All files of a folder, as the artifact folder `name`."""
        with mlflow_errors(self.connection.uri):
            self.connection.client.log_artifacts(self.id, str(folder), name)

    def finish(self, status: str = "FINISHED") -> None:
        """End it: FINISHED, FAILED or KILLED, in MLflow's words."""
        with mlflow_errors(self.connection.uri):
            self.connection.client.set_terminated(self.id, status)


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a table of runs shows."""

    id: str
    name: str
    status: str
    started: str
    seconds: float | None
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


def start(
    connection: Connection,
    experiment: str,
    *,
    name: str,
    parent: str | None = None,
    resume: str | None = None,
) -> Run:
    """A new run of an experiment, which is made if need be; or `resume`, if the store still knows it."""
    if resume is not None and (run := _resumed(connection, resume)):
        return run
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID  # noqa: PLC0415

    with mlflow_errors(connection.uri):
        begun = connection.client.create_run(
            _experiment(connection, experiment),
            run_name=name,
            tags={MLFLOW_PARENT_RUN_ID: parent} if parent else None,
        )
    return Run(connection=connection, id=begun.info.run_id)


def _resumed(connection: Connection, run_id: str) -> Run | None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        connection.client.update_run(run_id, status="RUNNING")
    except MlflowException:
        return None
    return Run(connection=connection, id=run_id)


def _experiment(connection: Connection, name: str) -> str:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    found = connection.client.get_experiment_by_name(name)
    if found is None:
        try:
            made: str = connection.client.create_experiment(name, artifact_location=connection.artifacts)
        except MlflowException:  # another process was faster, or the name is refused
            found = connection.client.get_experiment_by_name(name)
            if found is None:
                raise
        else:
            return made
    if found.lifecycle_stage == "deleted":
        connection.client.restore_experiment(found.experiment_id)
    identity: str = found.experiment_id
    return identity


def experiments(connection: Connection) -> dict[str, str]:
    """Names of experiments that have runs, with their ids."""
    with mlflow_errors(connection.uri):
        return {
            found.name: found.experiment_id
            for found in connection.client.search_experiments()
            if connection.client.search_runs([found.experiment_id], max_results=1)
        }


def summaries(connection: Connection, experiment: str) -> list[RunSummary]:
    """The runs of an experiment, newest first.

    Raises:
        NoSuchExperiment: No experiment is called so.
    """
    known = experiments(connection)
    if experiment not in known:
        raise NoSuchExperiment(name=experiment, known=sorted(known))
    with mlflow_errors(connection.uri):
        found = connection.client.search_runs([known[experiment]], order_by=["attributes.start_time DESC"])
    return [_summary(run) for run in found]


def one(connection: Connection, run: str) -> RunSummary:
    """The run whose id begins with `run`.

    Raises:
        NoSuchRun: There is none, or more than one.
    """
    if len(run) < FEWEST_OF_AN_ID:
        raise NoSuchRun(
            run=run, reason=f"At least {FEWEST_OF_AN_ID} characters of a run's id are needed, not"
        )
    with mlflow_errors(connection.uri):
        found = [
            each
            for identity in experiments(connection).values()
            for each in connection.client.search_runs([identity])
            if each.info.run_id.startswith(run)
        ]
    if len(found) != 1:
        raise NoSuchRun(run=run, reason="Several runs begin with" if found else "There is no run")
    return _summary(found[0])


def _summary(run: "Entity") -> RunSummary:
    began, ended = run.info.start_time, run.info.end_time
    return RunSummary(
        id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status.lower(),
        started=datetime.fromtimestamp(began / 1000, timezone.utc).isoformat(timespec="seconds"),
        seconds=(ended - began) / 1000 if ended else None,
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags={name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")},
    )


def flattened(values: Mapping[str, Any], joint: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as pairs, their names joined."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, joint, f"{prefix}{name}{joint}")
        else:
            yield f"{prefix}{name}", value
