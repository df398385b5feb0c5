"""How near numbers are to the true ones, for regression and for the similarity of texts. Knows numbers only."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def overall(expected: Sequence[float], given: Sequence[float]) -> dict[str, float]:
    """Pearson's and Spearman's correlation (-1 to 1), mean squared and mean absolute error.

    Ranks of equal numbers are their mean. Where either side is constant, or has fewer than two numbers, nothing
    correlates: 0.
    """
    one, other = np.asarray(expected, np.float64), np.asarray(given, np.float64)
    return {
        "pearson": _correlation(one, other),
        "spearman": _correlation(_ranks(one), _ranks(other)),
        "mse": float(((one - other) ** 2).mean()),
        "mae": float(np.abs(one - other).mean()),
    }


def _correlation(one: Numbers, other: Numbers) -> float:
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:  # noqa: PLR2004
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _ranks(numbers: Numbers) -> Numbers:
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = (last - (counts - 1) / 2)[places]
    return ranks
