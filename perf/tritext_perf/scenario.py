"""What is asked of the server: so many users at once, or so many texts a second."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from tritext_perf.errors import BadLoad, NothingToMeasure

MOST_USERS = 10_000
MOST_PER_SECOND = 100_000.0

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One load.

    `users`: a closed loop, each of `load` users sends a text as soon as the last one was answered.
    `rate`: an open loop, texts arrive at random (Poisson), `load` a second on average, whether or not the server keeps up.
    """

    kind: Literal["users", "rate"]
    load: float

    def __str__(self) -> str:
        if self.kind == "rate":
            return f"{self.load:g}/s"
        return f"{self.load:g} user{'s' if self.load > 1 else ''}"

    @property
    def slug(self) -> str:
        """A name for files."""
        return f"{self.kind}-{self.load:g}"


def scenarios(*, users: str, rates: str) -> tuple[Scenario, ...]:
    """The scenarios that two comma-separated lists ask for, closed loops first, each once, in rising order.

    Raises:
        PerfError: Something in a list is no positive number, or both lists are empty.
    """
    counts = _numbers("--users", users, int, most=MOST_USERS, noun="whole numbers")
    per_second = _numbers("--rate", rates, float, most=MOST_PER_SECOND, noun="numbers")
    if not counts and not per_second:
        raise NothingToMeasure
    closed = [Scenario(kind="users", load=count) for count in counts]
    return (*closed, *(Scenario(kind="rate", load=rate) for rate in per_second))


def _numbers(
    option: str, text: str, read: Callable[[str], Number], *, most: Number, noun: str
) -> Sequence[Number]:
    try:
        numbers = {read(part) for part in text.split(",") if part.strip()}
    except ValueError:
        numbers = {read("-1")}
    if not all(0 < number <= most for number in numbers):
        raise BadLoad(option=option, got=text, expected=f"{noun} above 0 and up to {most:,.0f}")
    return sorted(numbers)
