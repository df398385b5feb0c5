"""The search keeps its budget and gives every finalist the same chance; what chance alone did never replaces the default."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.perf.conftest import measurement
from tritext_perf.errors import BudgetTooShort, DefaultFailed
from tritext_perf.measurement import Failure, Latency, Measurement, Outcome
from tritext_perf.tuning import choosing
from tritext_perf.tuning.objective import Objective, objective
from tritext_perf.tuning.search import Search
from tritext_perf.tuning.trial import Standing

USERS = objective(users=64, rate=None, p99=None)
WITHIN_50_MS = objective(users=64, rate=None, p99="50ms")


@dataclass(frozen=True)
class Named:
    name: str

    def __str__(self) -> str:
        return self.name

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name}


DEFAULT = Named("default")


def measured(throughput: float, p99: float = 40.0) -> Any:
    return measurement(
        throughput=throughput, latency=Latency(mean=p99 / 2, p50=p99 / 2, p90=p99, p95=p99, p99=p99)
    )


def standing(
    name: str, *throughputs: float, p99: Sequence[float] = (), wanted: Objective = USERS
) -> Standing:
    times = p99 or (40.0,) * len(throughputs)
    return Standing(setting=Named(name), measured=tuple(map(measured, throughputs, times)), objective=wanted)


# ---- choosing


@pytest.mark.parametrize(
    ("default", "other", "winner"),
    [
        ((100, 101, 102), (120, 121, 122), "other"),
        ((100, 101, 102), (100, 101, 102), "default"),
        ((100, 101, 102), (90, 91, 92), "default"),
        ((90, 100, 120), (115, 120, 125), "default"),  # better by 20 %, but the default differs by 33 %
        ((100, 101, 102), (105, 120, 150), "default"),  # better by 19 %, but it differs by 43 %
    ],
)
def test_the_default_is_replaced_only_by_a_gain_above_the_noise(
    default: tuple[float, ...], other: tuple[float, ...], winner: str
) -> None:
    verdict = choosing.choose(standing("default", *default), [standing("other", *other)])
    assert str(verdict.winner) == winner


def test_a_restless_setting_does_not_hide_a_steady_one_that_is_better_too() -> None:
    default, steady = standing("default", 100, 101, 102), standing("steady", 120, 121, 122)
    verdict = choosing.choose(default, [standing("restless", 90, 130, 170), steady])
    assert str(verdict.winner) == "steady"
    assert str(verdict.best) == "restless"


def test_equal_settings_rarely_replace_the_default() -> None:
    """Three settings exactly as good as the default, and noise of 5 %: the default stays in nine searches of ten."""
    chance = random.Random(0)
    kept = 0
    for _ in range(1000):
        runs = [[chance.gauss(100, 5) for _ in range(3)] for _ in range(4)]
        default, *others = [standing(str(number), *three) for number, three in enumerate(runs)]
        kept += choosing.choose(default, others).winner == default.setting
    assert kept > 900


def test_a_p99_that_one_measurement_breaks_is_not_kept() -> None:
    default = standing("default", 100, 100, p99=(40, 45), wanted=WITHIN_50_MS)
    faster = standing("faster", 200, 200, p99=(49, 51), wanted=WITHIN_50_MS)
    assert str(choosing.choose(default, [faster]).winner) == "default"


def test_a_default_that_breaks_the_p99_gives_way_to_the_best_that_keeps_it() -> None:
    default = standing("default", 100, 100, p99=(60, 60), wanted=WITHIN_50_MS)
    kept = [
        standing(name, speed, speed, p99=(30, 30), wanted=WITHIN_50_MS)
        for name, speed in (("a", 70), ("b", 80))
    ]
    verdict = choosing.choose(default, kept)
    assert str(verdict.winner) == "b"
    assert "the default (default) does not" in verdict.reason


@pytest.mark.parametrize(("keep_best", "winner"), [(False, None), (True, Named("closest"))])
def test_without_a_setting_that_keeps_the_p99_nothing_wins_unless_asked_for(
    *, keep_best: bool, winner: Named | None
) -> None:
    default = standing("default", 100, 100, p99=(80, 80), wanted=WITHIN_50_MS)
    closest = standing("closest", 50, 50, p99=(55, 60), wanted=WITHIN_50_MS)
    verdict = choosing.choose(default, [closest], keep_best=keep_best)
    assert verdict.winner == winner
    assert "No setting keeps a p99 of 50 ms at 64 users: the closest, closest, has 60 ms" in verdict.reason


def test_a_failed_run_is_not_forgotten() -> None:
    broken = Standing(setting=Named("broken"), measured=(measured(500),), objective=USERS, failed=True)
    assert str(choosing.choose(standing("default", 100, 101), [broken]).winner) == "default"


# ---- the search


@dataclass
class World:
    """Servers whose true speed is known; a measurement takes its windows and five seconds around them."""

    speeds: dict[str, float]
    clock: float = 0.0
    calls: list[tuple[str, float]] = field(default_factory=list)
    fails: frozenset[str] = frozenset()
    requests_a_second: float = 1000.0

    def measure(self, setting: Any, seconds: float, _: int) -> Outcome:
        self.calls.append((str(setting), seconds))
        self.clock += 5 + 3 * seconds
        if str(setting) in self.fails:
            return Failure(scenario=USERS.scenario, reason="out of memory", errors=None)
        outcome: Measurement = measured(self.speeds[str(setting)])
        return replace(outcome, requests=int(3 * seconds * self.requests_a_second))

    def search(self, budget: float, *, refine: Callable[[Any], list[Named]] = lambda _: []) -> Search:
        first = [Named(name) for name in self.speeds if name in "abcdefgh"]
        return Search(
            objective=USERS,
            default=DEFAULT,
            first=first,
            refine=refine,
            measure=self.measure,
            seconds=1.0,
            budget=budget,
            tell=lambda *_: None,
            began=0.0,
            now=lambda: self.clock,
        )


def world(*letters: str, **changes: Any) -> World:
    return World(
        speeds={"default": 100.0, **{letter: 50.0 + 10 * n for n, letter in enumerate(letters)}}, **changes
    )


@pytest.mark.parametrize("budget", [64, 80, 120, 600, 6000])
def test_the_budget_is_kept_whatever_it_is(budget: float) -> None:
    there = world(*"abcdefgh")
    there.search(budget).run()
    assert there.clock <= budget + 1


def test_a_budget_for_nothing_is_refused_with_what_is_needed() -> None:
    with pytest.raises(BudgetTooShort, match=r"about 1\.1 minutes"):
        world("a").search(30).run()


@pytest.mark.parametrize("budget", [64, 100, 300, 1000])
def test_the_default_is_measured_with_the_finalists_as_often_as_they(budget: float) -> None:
    there = world(*"abcdefgh")
    search = there.search(budget)
    search.run()
    finals = [str(trial.setting) for trial in search.trials if trial.stage == "final"]
    counts = {name: finals.count(name) for name in finals}
    assert len(set(counts.values())) == 1
    assert counts["default"] == 3
    assert 2 <= len(counts) <= 4


def test_finalists_take_turns() -> None:
    search = world(*"abc").search(1000)
    search.run()
    finals = [str(trial.setting) for trial in search.trials if trial.stage == "final"]
    assert finals[:4] == finals[7:3:-1] == finals[8:]


def test_final_measurements_are_longer_where_there_is_time() -> None:
    there = world(*"abc")
    there.search(1000).run()
    assert there.calls[0][1] == 1.0
    assert there.calls[-1][1] == 15.0


def test_what_does_well_is_varied_and_what_does_not_is_not() -> None:
    there = world(*"abcdefgh")
    there.speeds |= {f"{letter}+": 200.0 for letter in (*"abcdefgh", "default")}
    there.search(2000, refine=lambda one: [Named(f"{one}+")] if "+" not in str(one) else []).run()
    varied = {name for name, _ in there.calls if name.endswith("+")}
    assert varied == {"h+", "g+"}


def test_what_there_was_no_time_for_is_told() -> None:
    there = world(*"abcdefgh")
    search = there.search(80)
    search.run()
    tried = {str(trial.setting) for trial in search.trials}
    assert {str(setting) for setting in search.untried} == {*"abcdefgh"} - tried != set()


def test_windows_are_longer_where_the_server_is_slow() -> None:
    """Whether perf_analyzer sees few answers or none at all."""
    there = world("a", requests_a_second=50.0)
    search = there.search(2000)
    search.run()
    assert [name for name, _ in there.calls[:3]] == ["default", "default", "a"]
    assert there.calls[0][1] == 1.0
    assert there.calls[1][1] == there.calls[2][1] == pytest.approx(1.2 * 6 * 64 / 150)
    assert [trial.number for trial in search.trials][:2] == [2, 3]


def test_a_setting_that_fails_is_left_out_and_the_search_goes_on() -> None:
    there = world(*"ab", fails=frozenset("b"))
    search = there.search(500)
    search.run()
    assert [name for name, _ in there.calls].count("b") == 1
    assert search.standing(Named("a"), "final").measured


def test_a_default_that_fails_ends_the_search() -> None:
    with pytest.raises(DefaultFailed, match="out of memory"):
        world("a", fails=frozenset({"default"})).search(500).run()
