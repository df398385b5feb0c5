"""Shapley values: what each player adds to the worth of a team, averaged over all orders in which a team can form.

Knows players by number and teams by their worth; knows neither words nor models. The estimate from a sample of orders
is that of Castro, Gómez and Tejada (Computers & Operations Research 36, 2009); each order is followed by its reverse, as
in Mitchell, Cooper, Frank and Holmes (Journal of Machine Learning Research 23, 2022), which takes away most of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Teams = npt.NDArray[np.bool_]
"""[teams, players]: who is in."""

Floats = npt.NDArray[np.float64]
Worth = Callable[[Teams], Floats]
"""From teams to FP64 [teams]."""

SEED = 0
"""The same question gets the same answer."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How values are found: from all teams, or from the teams that so many orders pass through."""

    exact: bool
    orders: int

    @classmethod
    def of(cls, players: int, *, teams: int, orders: int | None = None) -> Effort:
        """As much as `teams` allow, unless a number of `orders` is given; exactly where that costs no more.

        Orders come in pairs, so that an odd number becomes the next even one.
        """
        steps = max(1, players - 1)
        orders = teams // steps // 2 * 2 if orders is None else orders
        orders = max(2, orders + orders % 2)
        return cls(exact=2**players <= max(teams, 2 + orders * steps), orders=orders)

    def teams(self, players: int) -> int:
        """The most teams whose worth is asked for."""
        return 2**players if self.exact else 2 + self.orders * (players - 1)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What each player adds, FP64 [players]; their sum is the worth of all less that of none.

    Attributes:
        error: The largest standard error of a value; 0 where values are exact, None where one pair of orders cannot tell.
        teams: How many different teams' worth was asked for.
    """

    values: Floats
    error: float | None
    teams: int


class Game:
    """Teams and their worth, each asked for once; that of everybody is known beforehand."""

    def __init__(self, players: int, worth: Worth, *, of_all: float) -> None:
        self._worth = worth
        self._players = players
        self._known = {np.ones(players, np.bool_).tobytes(): of_all}

    def __call__(self, teams: Teams) -> Floats:
        keys = [row.tobytes() for row in teams]
        new = {key: row for key, row in zip(keys, teams, strict=True) if key not in self._known}
        if new:
            worth = self._worth(np.stack(list(new.values())))
            self._known.update(zip(new, worth.tolist(), strict=True))
        return np.array([self._known[key] for key in keys], np.float64)

    def __len__(self) -> int:
        return len(self._known)

    @property
    def of_none(self) -> float:
        return float(self(np.zeros((1, self._players), np.bool_))[0])


def shares(game: Game, players: int, effort: Effort) -> Shares:
    """The Shapley value of each player; of no players none."""
    if players == 0:
        return Shares(values=np.empty(0), error=0.0, teams=len(game))
    values, error = _exact(game, players) if effort.exact else _sampled(game, players, effort.orders)
    return Shares(values=values, error=error, teams=len(game))


def _exact(game: Game, players: int) -> tuple[Floats, float]:
    numbers = np.arange(2**players)
    teams = (numbers[:, None] >> np.arange(players) & 1).astype(np.bool_)
    worth, sizes = game(teams), teams.sum(axis=1)
    weights = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    values = np.empty(players)
    for player in range(players):
        without = numbers[~teams[:, player]]
        gains = worth[without | 1 << player] - worth[without]
        values[player] = (weights[sizes[without]] * gains).sum()
    return values, 0.0


def _sampled(game: Game, players: int, orders: int) -> tuple[Floats, float | None]:
    places = _places(players, orders)
    # [orders, players + 1, players]: each order's teams from nobody to everybody.
    teams = places[:, None, :] < np.arange(players + 1)[None, :, None]
    worth = game(teams.reshape(-1, players)).reshape(orders, players + 1)
    gains = np.take_along_axis(np.diff(worth, axis=1), places, axis=1)
    pairs = gains.reshape(-1, 2, players).mean(axis=1)
    if len(pairs) == 1:
        return pairs[0], None
    errors = pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs))
    return pairs.mean(axis=0), float(errors.max())


def _places(players: int, orders: int) -> npt.NDArray[np.int64]:
    """[orders, players]: when each player comes, in random orders each of which the reverse follows."""
    random = np.random.default_rng(SEED)
    forward = [random.permutation(players) for _ in range(orders // 2)]
    return np.array([places for one in forward for places in (one, players - 1 - one)])
