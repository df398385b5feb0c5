"""Which loads are asked for."""

import pytest

from tritext_perf.errors import BadLoad, NothingToMeasure
from tritext_perf.scenario import scenarios


def test_scenarios_are_closed_loops_then_rates_each_once_in_rising_order() -> None:
    asked = scenarios(users="64, 1,8,8,", rates="100,0.5")
    assert [str(one) for one in asked] == ["1 user", "8 users", "64 users", "0.5/s", "100/s"]


def test_every_scenario_has_its_own_file_name() -> None:
    asked = scenarios(users="1,50", rates="50,0.5")
    assert len({one.slug for one in asked}) == len(asked)


@pytest.mark.parametrize("users", ["0", "-1", "x", "1,,y", "1.5", "1e3", "10001", "nan", "∞"])
def test_users_that_are_no_positive_whole_numbers_are_refused(users: str) -> None:
    with pytest.raises(BadLoad, match="--users"):
        scenarios(users=users, rates="")


@pytest.mark.parametrize("rate", ["0", "-1", "x", "nan", "inf", "1e9"])
def test_rates_that_are_no_positive_numbers_are_refused(rate: str) -> None:
    with pytest.raises(BadLoad, match="--rate"):
        scenarios(users="1", rates=rate)


def test_asking_for_no_load_at_all_is_refused() -> None:
    with pytest.raises(NothingToMeasure):
        scenarios(users="", rates=" , ")
