"""What is wanted of a served model: one load, what is good under it, and what must hold. Measures nothing."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from tritext_perf.errors import BadSetting, BadTime, OneLoad
from tritext_perf.measurement import Measurement
from tritext_perf.scenario import MOST_PER_SECOND, MOST_USERS, Scenario

USERS = 64
"""The closed loop that is tuned for when nothing else is said."""

TIME = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?(ms|s)")
LONGEST_MS = 3_600_000.0


@dataclass(frozen=True, kw_only=True)
class Objective:
    """With users: the most texts a second; at a rate: the lowest p99. Either way within `p99`, if that is given."""

    scenario: Scenario
    p99: float | None = None
    """Milliseconds."""

    def __str__(self) -> str:
        wanted = "most texts/s" if self.scenario.kind == "users" else "lowest p99"
        return f"{wanted} at {self.scenario}" + (
            f" with a p99 of {self.p99:g} ms at most" if self.p99 else ""
        )

    def worth(self, measured: Measurement) -> float:
        """How good it is; larger is better, and twice as much is twice as good."""
        return measured.throughput if self.scenario.kind == "users" else 1000 / measured.latency.p99

    def holds(self, measured: Measurement) -> bool:
        """Whether every request was answered, the queue did not grow, and p99 was kept."""
        in_time = self.p99 is None or measured.latency.p99 <= self.p99
        return in_time and not measured.errors and not measured.is_falling_behind

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def objective(*, users: int | None, rate: float | None, p99: str | None) -> Objective:
    """What the options of the command line ask for.

    Raises:
        PerfError: They contradict each other, or one is out of its range.
    """
    if users is not None and rate is not None:
        raise OneLoad
    limit = None if p99 is None else milliseconds(p99)
    if rate is not None:
        if not 0 < rate <= MOST_PER_SECOND:
            raise BadSetting(
                option="--rate", got=rate, expected=f"a number above 0 and up to {MOST_PER_SECOND:,.0f}"
            )
        return Objective(scenario=Scenario(kind="rate", load=rate), p99=limit)
    users = USERS if users is None else users
    if not 0 < users <= MOST_USERS:
        raise BadSetting(option="--users", got=users, expected=f"a whole number from 1 to {MOST_USERS:,}")
    return Objective(scenario=Scenario(kind="users", load=users), p99=limit)


def milliseconds(text: str) -> float:
    """Read `50ms` or `0.2s`.

    Raises:
        BadTime: It is neither, or not between 0 and an hour.
    """
    match = TIME.fullmatch(text.strip())
    value = float(match[1]) * (1000 if match[2] == "s" else 1) if match else 0.0
    if not 0 < value <= LONGEST_MS:
        raise BadTime(option="--p99", got=text)
    return value
