"""What the figures mean."""

import pytest

from tests.perf.conftest import measurement
from tritext_perf.measurement import Stage, Window
from tritext_perf.scenario import Scenario

RATE = Scenario(kind="rate", load=100)


def windows(*latencies: float) -> tuple[Window, ...]:
    return tuple(Window(throughput=50, latency=latency) for latency in latencies)


def test_what_the_steps_do_not_explain_happened_elsewhere() -> None:
    assert measurement().elsewhere == pytest.approx(20 - (1 + 2 + 3 + 10))


def test_time_elsewhere_is_never_negative() -> None:
    assert measurement(stages=(Stage(name="model", queue=15, compute=9, average_batch=1),)).elsewhere == 0


def test_the_average_batch_is_the_model_steps() -> None:
    assert measurement().average_batch == 4


def test_without_a_step_called_model_the_average_batch_is_that_of_the_longest_work() -> None:
    stages = tuple(
        Stage(name=name, queue=0, compute=work, average_batch=work) for name, work in (("a", 5.0), ("b", 2.0))
    )
    assert measurement(stages=stages).average_batch == 5


def test_a_server_without_accounts_has_no_average_batch() -> None:
    assert measurement(stages=()).average_batch is None


@pytest.mark.parametrize(
    ("scenario", "latencies", "behind"),
    [
        (RATE, (10, 20, 30), True),
        (RATE, (10, 12, 11), False),
        (RATE, (10, 12, 14), False),
        (RATE, (30, 20, 10), False),
        (Scenario(kind="users", load=100), (10, 20, 30), False),
    ],
)
def test_a_rate_is_too_much_if_texts_wait_longer_and_longer(
    scenario: Scenario, latencies: tuple[float, ...], *, behind: bool
) -> None:
    assert measurement(scenario=scenario, windows=windows(*latencies)).is_falling_behind is behind
