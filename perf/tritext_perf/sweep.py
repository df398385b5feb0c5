"""The story of a benchmark: one scenario after the other, again where the figures wander, and nothing lost on Ctrl+C."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tritext_perf import perf_analyzer
from tritext_perf.errors import PerfError
from tritext_perf.installation import PerfAnalyzer
from tritext_perf.measurement import Failure, Measurement, Outcome, Stage
from tritext_perf.output import Run
from tritext_perf.perf_analyzer import WINDOWS, Target
from tritext_perf.scenario import Scenario
from tritext_perf.server import ServedModel, Server

Tell = Callable[[str, float], None]
"""Told what is being done, and how much of everything is done, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Care:
    """How carefully each scenario is measured."""

    seconds: float = 5.0
    """Length of a window; a measurement has three."""
    stability: float = 0.1
    """By how much the windows may differ in throughput or latency, to be called steady."""
    attempts: int = 3
    """How often an unsteady scenario is measured; the steadiest attempt is kept."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Everything that is needed to measure scenarios one after the other."""

    program: PerfAnalyzer
    server: Server
    target: Target
    care: Care
    raw: Path
    """The folder for perf_analyzer's own reports and outputs."""

    def run(self, scenarios: Sequence[Scenario], tell: Tell) -> tuple[list[Outcome], bool]:
        """The outcome of each scenario, and whether Ctrl+C ended it early."""
        outcomes: list[Outcome] = []
        try:
            for number, scenario in enumerate(scenarios):
                outcomes.append(self._outcome(scenario, partial(_within, tell, number, len(scenarios))))
        except KeyboardInterrupt:
            return outcomes, True
        return outcomes, False

    def _outcome(self, scenario: Scenario, tell: Tell) -> Outcome:
        before: int | None = None
        try:
            before = self._failed()
            return self._steadiest(scenario, tell)
        except PerfError as error:
            return Failure(scenario=scenario, reason=str(error), errors=self._errors_since(before))

    def _steadiest(self, scenario: Scenario, tell: Tell) -> Measurement:
        found: list[Measurement] = []
        while len(found) < self.care.attempts and not any(
            one.steady or one.is_falling_behind for one in found
        ):
            found.append(self._attempt(scenario, len(found) + 1, tell))
        return min(found, key=lambda one: one.spread)

    def _attempt(self, scenario: Scenario, attempt: int, tell: Tell) -> Measurement:
        again = f", attempt {attempt}" if attempt > 1 else ""
        tell(f"{scenario}{again}", 0.0)
        before = self._failed()
        run = perf_analyzer.run(
            self.program,
            self.target,
            scenario,
            seconds=self.care.seconds,
            files=self.raw / f"{scenario.slug}-attempt-{attempt}",
            heard=lambda window: tell(f"{scenario}{again}", window / WINDOWS),
        )
        spread = run.spread(scenario)
        return Measurement(
            scenario=scenario,
            requests=run.requests,
            throughput=run.throughput,
            latency=run.latency,
            windows=run.windows,
            spread=spread,
            steady=spread <= self.care.stability,
            attempts=attempt,
            errors=max(0, self._failed() - before),
            late=run.late,
            stages=_stages(self.target.model, run),
        )

    def _failed(self) -> int:
        return self.server.failed(self.target.model)

    def _errors_since(self, before: int | None) -> int | None:
        try:
            return None if before is None else max(0, self._failed() - before)
        except PerfError:
            return None


def _stages(model: ServedModel, run: Run) -> tuple[Stage, ...]:
    """The run's account of each step, in the ensemble's order; steps without one are left out."""
    own = {step.name: run.parts.get("" if step.model == model.name else step.model) for step in model.steps}
    return tuple(
        Stage(name=name, queue=part.queue, compute=part.compute, average_batch=part.average_batch)
        for name, part in own.items()
        if part
    )


def _within(tell: Tell, number: int, count: int, what: str, done: float) -> None:
    tell(what, (number + done) / count)
