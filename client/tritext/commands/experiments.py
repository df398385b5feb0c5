"""`tritext experiments`: the runs that training kept, listed and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tritext.registry.runs import RunSummary
    from tritext.registry.sources import RegisteredVersion

NONE = "\N{EN DASH}"
SHOWN = ("epochs", "learning_rate", "batch_size", "rows.train")
"""Parameters that a list of runs shows; a comparison shows all that differ."""


def experiments(
    experiment: Annotated[
        str | None, typer.Argument(help="Lists the runs of this experiment; without it, the experiments.")
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            help="Show runs side by side: a run's id, or its first characters. Give it once for each run."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List and compare the runs of `tritext train`, from MLflow: at MLFLOW_TRACKING_URI, or in ./mlruns.

    `mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db` shows the same and more in a browser.
    """
    from tritext.console import out, print_json
    from tritext.registry import registry, runs

    store = registry()
    if compare:
        found = [runs.one(store.connection, run) for run in compare]
    elif experiment is not None:
        found = runs.summaries(store.connection, experiment)
    else:
        names = sorted(runs.experiments(store.connection))
        counted = {name: runs.summaries(store.connection, name) for name in names}
        if as_json:
            print_json([{"experiment": name, "runs": len(listed)} for name, listed in counted.items()])
        else:
            out.print(_experiments(counted))
        return
    versions = store.versions_of_runs()
    if as_json:
        print_json([asdict(run) | {"registered": _registered(versions.get(run.id))} for run in found])
    else:
        out.print(_side_by_side(found) if compare else _runs(experiment or "", found, versions))


def _registered(version: "RegisteredVersion | None") -> str | None:
    return str(version) if version else None


def _experiments(counted: Mapping[str, Sequence["RunSummary"]]) -> "Table":
    table = _table("Experiments", "experiment", "runs", "last")
    for name, listed in counted.items():
        table.add_row(name, str(len(listed)), _moment(listed[0].started))
    return table


def _runs(
    experiment: str, found: Sequence["RunSummary"], versions: dict[str, "RegisteredVersion"]
) -> "Table":
    metrics = sorted({name for run in found for name in run.metrics if name.startswith("test/")})[:2]
    parameters = [name for name in SHOWN if any(name in run.parameters for run in found)]
    title = f"Runs of {experiment}, newest first"
    table = _table(title, "run", "started", "state", *metrics, *parameters, "registered")
    for run in found:
        table.add_row(
            run.id[:8],
            _moment(run.started),
            run.status,
            *(_figure(run.metrics.get(name)) for name in metrics),
            *(run.parameters.get(name, NONE) for name in parameters),
            _registered(versions.get(run.id)) or NONE,
        )
    return table


def _side_by_side(found: Sequence["RunSummary"]) -> "Table":
    """All figures, and the parameters in which the runs differ."""
    table = _table("Runs side by side", "", *(run.id[:8] for run in found))
    for name in sorted({name for run in found for name in run.metrics}):
        table.add_row(name, *(_figure(run.metrics.get(name)) for run in found))
    table.add_section()
    for name in sorted({name for run in found for name in run.parameters}):
        values = [run.parameters.get(name, NONE) for run in found]
        if len(set(values)) > 1:
            table.add_row(name, *values)
    return table


def _table(title: str, *columns: str) -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _figure(value: Any) -> str:
    return NONE if value is None else f"{value:.4g}"


def _moment(iso: str) -> str:
    """Minutes are enough for a table."""
    return iso[:16].replace("T", " ")
