"""What is tried: a setting, one measurement of it, and all that was measured of it so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, Protocol

from tritext_perf.measurement import Measurement, Outcome
from tritext_perf.tuning.objective import Objective

Stage = Literal["screen", "final"]


class Setting(Protocol):
    """A way to serve the model, hashable; what it means is told elsewhere."""

    def __str__(self) -> str: ...

    def as_dict(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One measurement of one setting on a server of its own."""

    number: int
    stage: Stage
    setting: Setting
    seconds: float
    """Of each window."""
    outcome: Outcome

    def as_dict(self) -> dict[str, Any]:
        head = {"number": self.number, "stage": self.stage, "seconds": self.seconds}
        return {**head, "setting": self.setting.as_dict(), **self.outcome.as_dict()}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A setting and its measurements of one stage."""

    setting: Setting
    measured: tuple[Measurement, ...]
    objective: Objective
    failed: bool = False
    """Whether a measurement gave no figures."""

    @property
    def worth(self) -> float:
        """The median, larger is better."""
        return median(self._worths())

    @property
    def spread(self) -> float:
        """By how much equal measurements differ, largest over smallest minus one."""
        return max(self._worths()) / min(self._worths()) - 1

    @property
    def holds(self) -> bool:
        """Whether all that must hold did so every time."""
        return not self.failed and bool(self.measured) and all(map(self.objective.holds, self.measured))

    @property
    def throughput(self) -> float:
        """Texts per second, the median."""
        return median(one.throughput for one in self.measured)

    @property
    def p99(self) -> float:
        """Milliseconds, the median."""
        return median(one.latency.p99 for one in self.measured)

    @property
    def worst_p99(self) -> float:
        return max(one.latency.p99 for one in self.measured)

    def _worths(self) -> list[float]:
        return [self.objective.worth(one) for one in self.measured]


def standing(setting: Setting, trials: "list[Trial]", objective: Objective) -> Standing:
    """What these trials say of the setting."""
    outcomes = [trial.outcome for trial in trials if trial.setting == setting]
    measured = tuple(outcome for outcome in outcomes if isinstance(outcome, Measurement))
    return Standing(
        setting=setting, measured=measured, objective=objective, failed=len(measured) < len(outcomes)
    )
