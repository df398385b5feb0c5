"""Predicting as a job: an input's rows in stretches, each scored by a job of its own, put together once in their order.

What a stretch's job leaves is a file that appears when it is complete; so is the output.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tritext import Client, RetryPolicy
from tritext.items import form_of
from tritext.results import ServedModel
from tritext.scoring.errors import Stopped
from tritext.scoring.inputs import Input, Position, open_input
from tritext.scoring.outputs import ERROR
from tritext.scoring.plan import Wish, plan_of
from tritext.scoring.run import score
from tritext.tasks import task_of
from tritext_jobs.arguments import PredictArguments, Stretch
from tritext_jobs.child import Outcome, Task
from tritext_jobs.errors import OutputTaken, PredictionStopped
from tritext_jobs.work.joining import joined
from tritext_jobs.work.server import newest, server

IN_FLIGHT_BATCHES, IN_FLIGHT_ITEMS = 8, 32
"""As `tritext score` has them."""


def work(task: Task, arguments: PredictArguments) -> Outcome:
    """Score a stretch; or split the input into stretches; or, once they are scored, put them together."""
    if arguments.stretch is not None:
        return Outcome(result=_scored(task, arguments))
    if not task.parts:
        arguments = _settled(task, arguments)
        stretches = list(_stretches(arguments))
        parts = [arguments.model_copy(update={"stretch": stretch}) for stretch in stretches]
        if len(parts) > 1:
            return Outcome(parts=[("predict", part.given()) for part in parts])
        results = [_scored(task, parts[0])]
    else:
        parts = [PredictArguments.model_validate(part["arguments"]) for part in task.parts]
        results = [part["result"] for part in task.parts]
    joined(_output(parts), arguments.output, overwrite=arguments.overwrite)
    rows, bad = (sum(result[name] for result in results) for name in ("rows", "bad"))
    return Outcome(
        result={
            "output": str(arguments.output),
            "rows": rows,
            "bad": bad,
            "version": results[0]["version"],
            "parts": len(results),
        }
    )


# ---- splitting


def _settled(task: Task, arguments: PredictArguments) -> PredictArguments:
    """With all that its parts must agree on; what is wrong with it is said before any row is scored."""
    _wish(arguments, arguments.output).check_paths()
    if task.attempt == 1 and arguments.output.exists() and not arguments.overwrite:
        raise OutputTaken(arguments.output)
    folder = arguments.parts_folder or task.folder / "parts" / task.id
    version = arguments.version or _newest(arguments)
    task.pin(version=version, parts_folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    return arguments.model_copy(update={"version": version, "parts_folder": folder})


def _newest(arguments: PredictArguments) -> int:
    if arguments.url is None:
        return newest(arguments.repository, arguments.name)
    with Client(arguments.url, timeout=arguments.timeout) as client:
        model = client.model(arguments.name)
        plan_of(_wish(arguments, arguments.output), model, str(model.versions[-1]))
        return int(model.versions[-1])


def _stretches(arguments: PredictArguments) -> Iterator[Stretch]:
    """Of so many rows each; the last one ends with the input."""
    source = open_input(arguments.input, [])
    start = end = source.start
    count = 0
    for row in source.rows(start, read=(), carry=()):
        if count == arguments.rows_per_part:
            yield Stretch(at=start.at, line=start.line, end=end.at)
            start, count = end, 0
        end, count = row.after, count + 1
    yield Stretch(at=start.at, line=start.line)


# ---- scoring


def _scored(task: Task, arguments: PredictArguments) -> dict[str, Any]:
    """Score a stretch into its own file, unless an earlier attempt has."""
    output = _part(arguments)
    if output.exists():
        return _counted(output, arguments)
    with server(task, arguments) as url:
        connect, show = partial(_connect, url, arguments), Telling(task, arguments)
        try:
            done = score(_wish(arguments, output), connect, show)
        except Stopped as error:
            raise PredictionStopped(error.__cause__ or error) from error
    return {"rows": done.rows, "bad": done.bad, "version": arguments.version}


def _part(arguments: PredictArguments) -> Path:
    """Named by where its rows begin."""
    assert arguments.parts_folder is not None  # noqa: S101 - settled before there are parts
    assert arguments.stretch is not None  # noqa: S101 - see the caller
    return arguments.parts_folder / f"{arguments.stretch.at:020}{arguments.output.suffix}"


def _output(parts: list[PredictArguments]) -> list[Path]:
    return [_part(part) for part in parts]


def _counted(path: Path, arguments: PredictArguments) -> dict[str, Any]:
    source = open_input(path, [])
    error = arguments.prefix + ERROR
    rows = bad = 0
    for row in source.rows(source.start, read=_there(source, error), carry=()):
        rows += 1
        bad += bool(arguments.keep_going and row.record.get(error))
    return {"rows": rows, "bad": bad, "version": arguments.version}


def _there(source: Input, name: str) -> set[str]:
    return {name} & set(source.columns)


def _wish(arguments: PredictArguments, output: Path) -> Wish:
    stretch = arguments.stretch
    return Wish(
        name=arguments.name,
        input=arguments.input,
        output=output,
        given=arguments.options,
        version=str(arguments.version or ""),
        keep=arguments.keep,
        prefix=arguments.prefix,
        raw=arguments.raw,
        keep_going=arguments.keep_going,
        patience=arguments.patience,
        batch_size=arguments.batch_size,
        since=Position(at=stretch.at, line=stretch.line) if stretch else None,
        until=stretch.end if stretch else None,
    )


def _connect(url: str, arguments: PredictArguments, model: ServedModel | None) -> Client:
    is_stacked = model is None or form_of(task_of(model).fields, model).stacked
    usual = IN_FLIGHT_BATCHES if is_stacked else IN_FLIGHT_ITEMS
    flight = arguments.in_flight or usual
    return Client(url, timeout=arguments.timeout, in_flight=flight, retry=RetryPolicy(attempts=4))


class Telling:
    """What `tritext.scoring` shows, told to the worker."""

    def __init__(self, task: Task, arguments: PredictArguments) -> None:
        self._task = task
        self._first = arguments.stretch.at if arguments.stretch else 0
        self._total = 1

    def begin(self, *, total: int, at: int, rows: int) -> None:
        self._total = max(1, total - self._first)
        self.moved(at=at, rows=rows)

    def moved(self, *, at: int, rows: int, always: bool = False) -> None:
        del always
        self._task.tell(min(1.0, (at - self._first) / self._total), f"{rows:,} rows")

    def waits(self, reason: str) -> None:
        if reason:
            self._task.tell(0.0, f"waiting for the server: {reason}")

    def says(self, sentence: str) -> None:
        self._task.tell(0.0, sentence)
