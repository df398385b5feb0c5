"""From the original to a graph that passes its gates: in the precision asked for, or in the fastest that does."""

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import gates
from .errors import BuildError, GateFailed
from .formats import Example, Export, RunGraph
from .gates import Candidate, Gate
from .layout import ModelVersion
from .original import Original, Tell, mixed
from .runtime.encoding import Encoder, Line

COMPANY_LINES = 64
"""How many lines are computed alone as well as in batches."""

FOR_GPUS = ("fp16",)
"""Precisions that are no candidates where a build measures speed, which is on the CPU."""

TYPICAL_ROWS = 32
"""Rows of the batch that speed is measured on."""

TIMES = 5
"""Runs of which the fastest counts: all that a busy machine adds is too much."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A precision that was tried.

    Attributes:
        recipe: The way to it whose gates held; empty where none did.
        rows_per_second: Of lines such as the gates' in one batch, on all cores of the machine that built.
        failure: Why it is no candidate; empty if it is one.
    """

    precision: str
    recipe: str = ""
    rows_per_second: float = 0.0
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A graph in its place in the staged version, with what was measured.

    Attributes:
        rows_per_second: As an `Attempt`'s.
        tried: Every precision that was a candidate, where the fastest was asked for.
    """

    version: ModelVersion
    export: Export
    gates: tuple[Gate, ...]
    rows_per_second: float
    tried: tuple[Attempt, ...] = ()


def exported(version: ModelVersion, original: Original, staged: Path, tell: Tell) -> Exported:
    """Write the graph in the first way to its precision whose gates hold.

    Raises:
        GateFailed: None does.
    """
    return _Exporting(version, original, staged, tell).exported(version)


def fastest(version: ModelVersion, original: Original, staged: Path, tell: Tell) -> Exported:
    """Write the graph in the precision that computes the most rows a second among those whose gates hold.

    Raises:
        GateFailed: None does.
    """
    exporting = _Exporting(version, original, staged, tell)
    found = list(exporting.candidates())
    tried = tuple(attempt for attempt, _ in found)
    passed = [(attempt, one) for attempt, one in found if one]
    if not passed:
        failures = (f"{attempt.precision}: {attempt.failure}" for attempt in tried)
        raise GateFailed(name=version.name, sentences=failures)
    _, best = max(passed, key=lambda pair: pair[0].rows_per_second)
    exporting.take(best.version.precision)
    return replace(best, tried=tried)


class _Exporting:
    """One build's exports, all from the same original and example."""

    def __init__(self, version: ModelVersion, original: Original, staged: Path, tell: Tell) -> None:
        self._version, self._original, self._tell = version, original, tell
        self._form, self._path = version.format, staged / version.graph_path
        self._encoder = Encoder.from_file(staged / version.tokenizer_paths[0], **version.encoder_settings())
        self._example: Example = original.example(version, self._encoder)
        self._typical = self._encoded(_sample(original.lines))

    def _encoded(self, lines: Sequence[Line]) -> Example:
        task = self._version.task
        rows = self._encoder.encode(lines, truncate=task.truncate).inputs
        return {**rows, **task.extra_inputs(self._original.checkpoint, rows["input_ids"])}

    def exported(self, version: ModelVersion) -> Exported:
        graph, failures = self._original.graph, list[Gate]()
        self._tell(f"exporting to {self._form.name}", 0.4)
        for export in self._form.exports(graph, self._example, self._path, version.precision):
            self._tell(f"checking the gates of {export.recipe}", 0.6)
            run = self._run()
            measured = self._measure(run, version)
            failures = gates.failed(measured)
            if not failures:
                speed = round(_rows_per_second(run, self._typical), 1)
                return Exported(version=version, export=export, gates=measured, rows_per_second=speed)
            self._tell(f"trying another way than {export.recipe}", 0.5)
        raise GateFailed(name=version.name, sentences=[gate.sentence() for gate in failures])

    def candidates(self) -> Iterator[tuple[Attempt, Exported | None]]:
        """Each precision of the format, and the export where its gates hold; the files are kept for `take`."""
        for precision in self._form.precisions:
            if precision in FOR_GPUS:
                continue
            version = replace(self._version, precision=precision)
            try:
                one = self.exported(version)
            except BuildError as error:
                yield Attempt(precision=precision, failure=str(error)), None
                continue
            self._path.parent.rename(self._kept(precision))
            self._path.parent.mkdir()
            yield (
                Attempt(precision=precision, recipe=one.export.recipe, rows_per_second=one.rows_per_second),
                one,
            )

    def take(self, precision: str) -> None:
        """Put the kept files of a precision into their place, and drop those of the others."""
        shutil.rmtree(self._path.parent)
        self._kept(precision).rename(self._path.parent)
        for other in self._form.precisions:
            shutil.rmtree(self._kept(other), ignore_errors=True)

    def _kept(self, precision: str) -> Path:
        return self._path.parent.with_name(f"tried-{precision}")

    def _run(self) -> RunGraph:
        return self._form.load(self._path, self._original.graph.output_names)

    def _measure(self, run: RunGraph, version: ModelVersion) -> tuple[Gate, ...]:
        original, precision = self._original, version.precision
        checkpoint, reference, lines = original.checkpoint, original.reference, original.lines
        candidate = Candidate(checkpoint, self._encoder, run, version.blueprint.graph_outputs)
        measured = gates.fidelity(candidate, reference, checkpoint, precision=precision, lines=lines)
        few = mixed(lines, COMPANY_LINES)
        measured += gates.company(candidate, checkpoint, precision=precision, lines=few)
        if original.evaluation:
            measured += gates.evaluation(candidate, reference, original.evaluation)
        return tuple(measured)


def _sample(lines: Sequence[Line]) -> list[Line]:
    """Lines of the lengths that they happen to have, unlike an example to trace with."""
    return random.Random(0).sample(list(lines), min(TYPICAL_ROWS, len(lines)))  # noqa: S311 - a sample, no secret


def _rows_per_second(run: RunGraph, example: Example) -> float:
    run(example)
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        run(example)
        seconds.append(time.perf_counter() - began)
    return len(example["input_ids"]) / min(seconds)
