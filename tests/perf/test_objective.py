"""What is asked for is one load and, perhaps, a time; anything else is refused with what was expected."""

from typing import Any

import pytest

from tests.perf.conftest import measurement
from tritext_perf.errors import PerfError
from tritext_perf.measurement import Latency, Window
from tritext_perf.scenario import Scenario
from tritext_perf.tuning.objective import milliseconds, objective


@pytest.mark.parametrize(
    ("text", "expected"), [("50ms", 50), ("0.2s", 200), (" 1.5 s ", 1500), (".5ms", 0.5), ("1s", 1000)]
)
def test_a_time_is_read_with_its_unit(text: str, expected: float) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize(
    "text", ["50", "fast", "", "-5ms", "0ms", "5 min", "nanms", "1e3ms", "50ms or so", "9999999s", "\u0665ms"]
)
def test_a_time_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(PerfError, match="--p99 expects a time with its unit, such as 50ms"):
        milliseconds(text)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"users": 8, "rate": 5.0}, "expected --users or --rate, got both"),
        ({"users": 0}, "--users expects"),
        ({"users": 10**9}, "--users expects"),
        ({"rate": 0.0}, "--rate expects"),
        ({"rate": float("nan")}, "--rate expects"),
        ({"rate": float("inf")}, "--rate expects"),
    ],
)
def test_loads_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(PerfError, match=says):
        objective(**{"users": None, "rate": None, "p99": None, **options})


def test_users_want_throughput_and_a_rate_wants_a_low_p99() -> None:
    fast = measurement(throughput=200.0, latency=Latency(mean=9, p50=9, p90=9, p95=9, p99=90))
    soon = measurement(throughput=100.0, latency=Latency(mean=9, p50=9, p90=9, p95=9, p99=30))
    users = objective(users=None, rate=None, p99=None)
    rate = objective(users=None, rate=50.0, p99=None)
    assert users.scenario == Scenario(kind="users", load=64)
    assert users.worth(fast) == 2 * users.worth(soon)
    assert rate.worth(soon) == pytest.approx(3 * rate.worth(fast))


def test_what_fails_falls_behind_or_is_late_does_not_hold() -> None:
    wanted = objective(users=None, rate=50.0, p99="50ms")
    late = Latency(mean=9, p50=9, p90=9, p95=9, p99=50.1)
    growing = tuple(Window(throughput=50, latency=latency) for latency in (10, 20, 40))
    rate = {"scenario": wanted.scenario}
    assert wanted.holds(measurement(**rate))
    assert not wanted.holds(measurement(**rate, latency=late))
    assert not wanted.holds(measurement(**rate, errors=1))
    assert not wanted.holds(measurement(**rate, windows=growing))
