"""What a running Triton says of itself, as a table for people and as JSON for programs. Only reads, and only over HTTP."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from tritext.console import out, print_json
from tritext_serving import naming
from tritext_serving.control import Control, ModelState
from tritext_serving.errors import Refused
from tritext_serving.rollouts.served import HELD, known, look

NANOSECONDS_PER_MS = 1e6
WIDE = 200


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """One version of one model; times are means in milliseconds over its successful requests, None before the first."""

    name: str
    version: str
    ensemble: str | None
    ready: bool
    reason: str
    requests: int = 0
    failed: int = 0
    rows: int = 0
    executions: int = 0
    average_batch: float | None = None
    latency_ms: float | None = None
    queue_ms: float | None = None
    compute_ms: float | None = None
    per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class VersionStatus:
    """The versions of a model: which one answers, which one a restart comes back with, which others may be deployed.

    `leftovers` are models that an interrupted rollout, or one that is under way, has loaded beside.
    """

    name: str
    live: int | None
    remembered: int | None
    versions: tuple[int, ...]
    rollback_to: tuple[int, ...]
    leftovers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """A server at one moment; `ready` if all of its models are."""

    url: str
    triton: str
    ready: bool
    models: tuple[ModelStatus, ...]
    versions: tuple[VersionStatus, ...] = ()


def read(url: str) -> ServerStatus:
    """Ask the Triton at `url` (host:port) for its models and their statistics.

    Raises:
        Unreachable: nobody answers there.
    """
    control = Control(url=url.removeprefix("http://").rstrip("/"))
    version = control.metadata().get("version", "unknown")
    index = control.index()
    states = [state for state in index if naming.is_plain(state.name) or state.state in HELD]
    statistics = {(row["name"], row["version"]): row for row in control.statistics()}
    models = tuple(_in_order(states, statistics, _steps(control, states)))
    return ServerStatus(
        url=url,
        triton=version,
        ready=all(model.ready for model in models),
        models=models,
        versions=tuple(_versions(control, index)),
    )


def _versions(control: Control, index: list[ModelState]) -> Iterator[VersionStatus]:
    """Of every model that has a version beside the live one, or had."""
    for name in known(state.name for state in index):
        served = look(control, name, index)
        yield VersionStatus(
            name=name,
            live=served.version,
            remembered=served.remembered,
            versions=served.versions,
            rollback_to=served.rollback_to,
            leftovers=served.leftovers,
        )


def show(url: str, *, as_json: bool, every: float | None) -> None:
    """Print the status once, or with `every` again and again after so many seconds."""
    present = _print_json if as_json else _print_table
    if every is None:
        present(read(url))
    elif as_json:
        for status in _looks(url, every):
            present(status)
    else:
        with Live(console=out, auto_refresh=False) as live:
            for status in _looks(url, every):
                live.update(table(status), refresh=True)


def _print_json(status: ServerStatus) -> None:
    print_json(asdict(status))


def _print_table(status: ServerStatus) -> None:
    # A file or a pipe has no width; what reads it wants whole lines.
    out.print(table(status), width=None if out.is_terminal else WIDE, crop=False)
    for line in filter(None, map(_line, status.versions)):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _line(versions: VersionStatus) -> str:
    """What there is to say of a model's versions besides that the only one is live."""
    others = [version for version in versions.versions if version != versions.live]
    said = [f"version {versions.live} is live"] if versions.live else ["no version is live"]
    if versions.live != versions.remembered:
        said.append(f"a restart comes back with {versions.remembered or 'the newest'}")
    if versions.rollback_to:
        said.append(f"tritext rollback goes back to {versions.rollback_to[-1]}")
    if others:
        said.append(f"also here: {', '.join(map(str, others))}")
    if versions.leftovers:
        listed = ", ".join(versions.leftovers)
        said.append(f"loaded beside by a rollout under way or interrupted, dropped by the next: {listed}")
    return f"{versions.name}: {'; '.join(said)}" if len(said) > 1 else ""


def table(status: ServerStatus) -> Table:
    """Ensembles with their steps below them, then what stands alone."""
    rated = any(model.per_second is not None for model in status.models)
    view = Table(
        title=f"Triton {status.triton} at {status.url}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    view.add_column("model", overflow="fold")
    view.add_column("state", overflow="fold")
    for heading in ("requests", "failed", *(["per s"] if rated else []), "batch", "ms", "queued", "computed"):
        view.add_column(heading, justify="right", no_wrap=True)
    for model in status.models:
        view.add_row(*_cells(model, rated=rated))
    return view


def _cells(model: ModelStatus, *, rated: bool) -> list[str]:
    name = f"{'  ' if model.ensemble else ''}{model.name} {model.version}"
    state = "[green]ready[/]" if model.ready else f"[red]{escape(model.reason or 'not loaded')}[/]"
    times = [model.average_batch, model.latency_ms, model.queue_ms, model.compute_ms]
    measured = [model.per_second, *times] if rated else times
    counts = [f"{model.requests:,}", f"{model.failed:,}"]
    return [escape(name), state, *counts, *("" if value is None else f"{value:,.2f}" for value in measured)]


def _looks(url: str, every: float) -> Iterator[ServerStatus]:
    """The status every so many seconds; from the second on with the rates since the one before."""
    before, then = read(url), time.monotonic()
    yield before
    while True:
        time.sleep(every)
        status, now = read(url), time.monotonic()
        yield _with_rates(before, status, now - then)
        before, then = status, now


def _with_rates(before: ServerStatus, status: ServerStatus, seconds: float) -> ServerStatus:
    counted = {(model.name, model.version): model.requests for model in before.models}
    rated = (
        # A server that was started again counts from nothing.
        replace(
            model, per_second=max(0, model.requests - counted.get((model.name, model.version), 0)) / seconds
        )
        for model in status.models
    )
    return replace(status, models=tuple(rated))


def _steps(control: Control, states: list[ModelState]) -> Mapping[str, str]:
    """The ensemble that each step belongs to (the first by name, where it serves several)."""
    owner: dict[str, str] = {}
    for name in sorted({state.name for state in states if state.ready}):
        for step in _config(control, name).get("ensemble_scheduling", {}).get("step", []):
            owner.setdefault(step["model_name"], name)
    return owner


def _config(control: Control, name: str) -> dict[str, Any]:
    try:
        return control.config(name)
    except Refused:
        # It was unloaded between two questions.
        return {}


def _in_order(
    states: list[ModelState], statistics: Mapping[tuple[str, str], dict[str, Any]], owner: Mapping[str, str]
) -> Iterator[ModelStatus]:
    for state in sorted(
        states, key=lambda state: (owner.get(state.name, state.name), state.name, state.version)
    ):
        row = statistics.get((state.name, state.version), {})
        yield _model(state, row, owner.get(state.name))


def _model(state: ModelState, row: Mapping[str, Any], ensemble: str | None) -> ModelStatus:
    times = row.get("inference_stats", {})
    rows, executions = int(row.get("inference_count", 0)), int(row.get("execution_count", 0))
    return ModelStatus(
        name=state.name,
        version=state.version,
        ensemble=ensemble,
        ready=state.ready,
        reason=state.reason,
        requests=_count(times, "success"),
        failed=_count(times, "fail"),
        rows=rows,
        executions=executions,
        average_batch=rows / executions if executions else None,
        latency_ms=_mean_ms(times, "success"),
        queue_ms=_mean_ms(times, "queue"),
        compute_ms=_sum(_mean_ms(times, f"compute_{part}") for part in ("input", "infer", "output")),
    )


def _count(times: Mapping[str, Any], name: str) -> int:
    return int(times.get(name, {}).get("count", 0))


def _mean_ms(times: Mapping[str, Any], name: str) -> float | None:
    count = _count(times, name)
    return int(times[name]["ns"]) / count / NANOSECONDS_PER_MS if count else None


def _sum(parts: Iterator[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
