"""How many servers a rate needs, by simulation. Knows no file and prints nothing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tritext_perf.capacity.simulation import Chain, Fleet

REQUESTS = 20_000
"""Of each simulation: two hundred of them are slower than its p99."""

SETTLING = 0.1
"""The share of the first answers that does not count, while queues fill."""

FULLEST = 0.98
"""Of what servers do at most, the highest rate that is simulated: above it queues grow for as long as one looks."""

HALVINGS = 7
"""The rate that keeps a p99 is found to within a hundredth."""

MOST_SERVERS = 1_000


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Of random arrivals, in milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """So many servers: the most texts a second, within p99 and at all, and what the wanted rate would see."""

    servers: int
    within: float
    """Texts a second that keep p99; 0 if not even a lone text does."""
    most: float
    """Texts a second with which queues grow."""
    at_rate: Latency | None
    """At the wanted rate; None, if that is more than they can do."""
    holds: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def latency(chain: Chain, *, servers: int, rate: float) -> Latency | None:
    """What random arrivals see; None, if queues would grow without end."""
    if rate > FULLEST * servers * chain.most_per_second:
        return None
    answered = Fleet(chain, servers=servers).poisson(rate, requests=REQUESTS)
    p50, p99 = np.percentile(answered[round(SETTLING * len(answered)) :], (50, 99))
    return Latency(p50=1000 * float(p50), p99=1000 * float(p99))


def throughput(chain: Chain, *, servers: int, users: int) -> tuple[float, Latency]:
    """Texts a second in a closed loop, and their latency."""
    answered, rate = Fleet(chain, servers=servers).closed(users, requests=max(REQUESTS // 2, 50 * users))
    p50, p99 = np.percentile(answered[round(SETTLING * len(answered)) :], (50, 99))
    return rate, Latency(p50=1000 * float(p50), p99=1000 * float(p99))


def choice(chain: Chain, *, servers: int, rate: float, p99: float) -> Choice:
    """What so many servers do."""
    at_rate = latency(chain, servers=servers, rate=rate)
    return Choice(
        servers=servers,
        within=within(chain, servers=servers, p99=p99),
        most=servers * chain.most_per_second,
        at_rate=at_rate,
        holds=at_rate is not None and at_rate.p99 <= p99,
    )


def within(chain: Chain, *, servers: int, p99: float) -> float:
    """The most texts a second whose p99, in milliseconds, is no more than that."""
    low, high = 0.0, FULLEST * servers * chain.most_per_second
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        seen = latency(chain, servers=servers, rate=middle)
        low, high = (middle, high) if seen and seen.p99 <= p99 else (low, middle)
    return low


def fewest(chain: Chain, *, rate: float, p99: float) -> int | None:
    """The smallest number of servers that keeps p99 at that rate; None, if more than `MOST_SERVERS` would be needed."""

    def suffice(servers: int) -> bool:
        seen = latency(chain, servers=servers, rate=rate)
        return seen is not None and seen.p99 <= p99

    too_few = enough = int(rate / chain.most_per_second)
    while enough <= too_few or not suffice(enough):
        if enough >= MOST_SERVERS:
            return None
        too_few, enough = enough, min(MOST_SERVERS, enough + max(1, enough // 8))
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if suffice(middle) else (middle, enough)
    return enough


def curve(chain: Chain, *, servers: int, points: int = 12) -> Sequence[tuple[float, Latency]]:
    """Latency by rate, for a picture."""
    highest = FULLEST * servers * chain.most_per_second
    rates = [highest * number / points for number in range(1, points + 1)]
    found = [(rate, latency(chain, servers=servers, rate=rate)) for rate in rates]
    return [(rate, seen) for rate, seen in found if seen]
