"""What came out: the figures of one scenario, or the reason why there are none. Times in milliseconds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from tritext_perf.scenario import Scenario

MODEL = "model"
"""The step that runs the network, by the name that `tritext build` gives it."""

GROWTH = 2.0
"""Last window's mean latency over the first one's, beyond which a queue grows without end."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """From sending a text to having its answer, as the load generator saw it; milliseconds."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class Window:
    """One stretch of a run: texts per second, mean latency in milliseconds."""

    throughput: float
    latency: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the ensemble during a scenario: mean times of a request in milliseconds, mean rows per execution."""

    name: str
    queue: float
    compute: float
    average_batch: float


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The figures of one scenario, all from the same windows."""

    scenario: Scenario
    requests: int
    throughput: float
    """Texts answered per second."""
    latency: Latency
    windows: tuple[Window, ...]
    spread: float
    """By how much the windows differ, largest over smallest minus one."""
    steady: bool
    attempts: int
    errors: int
    """Requests that the server counted as failed."""
    late: float
    """The share of a rate's texts that the load generator sent later than planned; 0 for users."""
    stages: tuple[Stage, ...]

    @property
    def average_batch(self) -> float | None:
        """Rows per execution of the model step; without a step of that name, of the one that computes longest."""
        named = [stage for stage in self.stages if stage.name == MODEL]
        chosen = named or sorted(self.stages, key=lambda stage: stage.compute)[-1:]
        return chosen[0].average_batch if chosen else None

    @property
    def is_falling_behind(self) -> bool:
        """Whether a rate is more than the server can do: texts wait longer in every window."""
        latencies = [window.latency for window in self.windows]
        rising = all(early < late for early, late in pairwise(latencies))
        return self.scenario.kind == "rate" and rising and latencies[-1] > GROWTH * latencies[0]

    @property
    def elsewhere(self) -> float:
        """Mean latency outside of the steps: network, the server's front, the load generator; milliseconds."""
        return max(0.0, self.latency.mean - sum(stage.queue + stage.compute for stage in self.stages))

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "average_batch": self.average_batch,
            "elsewhere": self.elsewhere,
        }


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A scenario that gave no figures."""

    scenario: Scenario
    reason: str
    errors: int | None
    """Requests that the server counted as failed; None if it could not be asked."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Outcome = Measurement | Failure


def measurements(outcomes: Sequence[Outcome], kind: str | None = None) -> list[Measurement]:
    """Those that gave figures, of one kind of scenario or of all."""
    found = [outcome for outcome in outcomes if isinstance(outcome, Measurement)]
    return [one for one in found if kind in (None, one.scenario.kind)]


def failures(outcomes: Sequence[Outcome]) -> list[Failure]:
    return [outcome for outcome in outcomes if isinstance(outcome, Failure)]
