"""The search: every setting once and briefly, then the best of them and the default again, longer and in turn, until the budget is spent.

Two stages, because a short measurement is enough to see what is hopeless, and no more than that: what it calls best is
partly what was lucky. So the winner is chosen by new measurements alone. The idea is successive halving (Jamieson and
Talwalkar 2016, https://arxiv.org/abs/1502.07943), with one halving.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from statistics import median

from tritext_perf.errors import BudgetTooShort, DefaultFailed
from tritext_perf.measurement import Failure, Outcome
from tritext_perf.perf_analyzer import WINDOWS, window_seconds
from tritext_perf.scenario import Scenario
from tritext_perf.sweep import Tell
from tritext_perf.tuning import choosing
from tritext_perf.tuning.objective import Objective
from tritext_perf.tuning.trial import Setting, Stage, Standing, Trial, standing

SCREENING = 0.5
"""The share of the budget for the first stage."""

ROUNDS = 3
"""How often each finalist is measured. Three settings that are as good as the default replace it in 8 % of the searches;
with two rounds they would in 22 %, because two runs too often happen to agree."""

FINALISTS = 3
"""Besides the default."""

REFINED = 2
"""How many settings of the first wave are varied further."""

LONGEST_WINDOW_S = 15.0

FEWEST_REQUESTS = 100
"""In a measurement: with fewer, a p99 is one unlucky text."""

FEWEST_OF_A_USER = 6
"""Two in each window: perf_analyzer counts only what begins and ends in one, and so the lucky ones where windows are short."""

Measure = Callable[[Setting, float, int], Outcome]
"""Serves a setting and measures windows of so many seconds; the number is the trial's."""


@dataclass(kw_only=True)
class Search:
    """One search; afterwards `trials` and `untried` say what was done."""

    objective: Objective
    default: Setting
    first: Sequence[Setting]
    """What is tried first besides the default."""
    refine: Callable[[Setting], Sequence[Setting]]
    """What to try next around a setting that did well."""
    measure: Measure
    seconds: float
    """Of a window in the first stage."""
    budget: float
    """Seconds from `began` to the end of the last measurement."""
    tell: Tell
    began: float
    now: Callable[[], float] = time.monotonic
    trials: list[Trial] = field(default_factory=list)
    untried: list[Setting] = field(default_factory=list)
    _number: int = 0
    _took: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Measure until the budget is spent.

        Raises:
            DefaultFailed: The default cannot be measured.
            BudgetTooShort: Found out as soon as the default is measured.
        """
        self._screen_default()
        self._screen(self.first)
        best = self._ranked()[:REFINED]
        waves = zip_longest(*(self.refine(one) for one in best))
        self._screen([setting for setting in chain.from_iterable(waves) if setting is not None])
        self._final([self.default, *(one for one in self._ranked() if one != self.default)][: FINALISTS + 1])

    def standing(self, setting: Setting, stage: Stage) -> Standing:
        return standing(setting, [trial for trial in self.trials if trial.stage == stage], self.objective)

    # ---- the first stage

    def _screen_default(self) -> None:
        """With longer windows if they see too little of a slow server, or nothing at all."""
        outcome = self._try(self.default, "screen", self.seconds)
        wanted = _fewest(self.objective.scenario)
        while (seen := _requests(outcome)) < wanted and self.seconds < LONGEST_WINDOW_S:
            self.seconds = min(LONGEST_WINDOW_S, self.seconds * 1.2 * wanted / max(1, seen))
            self._forget_last()
            outcome = self._try(self.default, "screen", self.seconds)
        if isinstance(outcome, Failure):
            raise DefaultFailed(reason=outcome.reason)
        needed = self._spent() + self._cost * (1 + 2 * ROUNDS)
        if needed > self.budget:
            raise BudgetTooShort(minutes=self.budget / 60, needed=needed / 60)

    def _screen(self, settings: Sequence[Setting]) -> None:
        for setting in dict.fromkeys(settings):
            tried = {trial.setting for trial in self.trials}
            if setting in tried:
                continue
            if len(tried) > 1 and not self._may_screen():
                self.untried.append(setting)
            else:
                self._try(setting, "screen", self.seconds)

    def _may_screen(self) -> bool:
        """Whether one more brief measurement leaves what the second stage needs."""
        ends = self._spent() + self._cost
        return ends <= min(SCREENING * self.budget, self.budget - self._cost * 2 * ROUNDS)

    def _ranked(self) -> list[Setting]:
        """The settings that gave figures, the most promising first."""
        tried = dict.fromkeys(trial.setting for trial in self.trials)
        standings = [self.standing(setting, "screen") for setting in tried]
        with_figures = [one for one in standings if one.measured]
        return [one.setting for one in sorted(with_figures, key=choosing.promise, reverse=True)]

    # ---- the second stage

    def _final(self, finalists: Sequence[Setting]) -> None:
        """In turn, every other time backwards, so that what changes on the machine meanwhile meets all alike."""
        room = int(self._left() / self._cost)
        finalists = finalists[: max(2, room // ROUNDS)]
        seconds = self._final_seconds(self._left() / (ROUNDS * len(finalists)))
        for number in range(ROUNDS):
            for setting in finalists if number % 2 == 0 else reversed(finalists):
                self._try(setting, "final", seconds)

    def _final_seconds(self, each: float) -> float:
        """The length of a window, if a measurement may take `each` seconds with everything around it."""
        around = self._cost - WINDOWS * window_seconds(self.objective.scenario, self.seconds)
        return min(LONGEST_WINDOW_S, max(self.seconds, (each - around) / WINDOWS))

    # ---- one measurement

    def _try(self, setting: Setting, stage: Stage, seconds: float) -> Outcome:
        self._number += 1
        number = self._number
        self.tell(
            f"{'trying' if stage == 'screen' else 'again'}: {setting}", min(1.0, self._spent() / self.budget)
        )
        before = self.now()
        outcome = self.measure(setting, seconds, number)
        if stage == "screen" and not isinstance(outcome, Failure):
            self._took.append(self.now() - before)
        self.trials.append(
            Trial(number=number, stage=stage, setting=setting, seconds=round(seconds, 2), outcome=outcome)
        )
        return outcome

    @property
    def _cost(self) -> float:
        """Seconds that a measurement of the first stage takes, with everything around it."""
        return median(self._took)

    def _forget_last(self) -> None:
        self.trials.pop()
        del self._took[:]

    def _spent(self) -> float:
        return self.now() - self.began

    def _left(self) -> float:
        return self.budget - self._spent()


def _fewest(scenario: Scenario) -> float:
    """Requests that a measurement must have seen."""
    return max(FEWEST_REQUESTS, FEWEST_OF_A_USER * scenario.load if scenario.kind == "users" else 0)


def _requests(outcome: Outcome) -> int:
    return 0 if isinstance(outcome, Failure) else outcome.requests
