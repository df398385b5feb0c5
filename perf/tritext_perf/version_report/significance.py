"""Whether two sets of answers to the same texts differ by more than chance: McNemar's test, exact."""

from dataclasses import dataclass

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """The rows that only one of two versions got right, and how likely such a split is if neither is better.

    Only these rows say anything about the difference. If neither version is better, each of them is as likely to
    fall to one as to the other, so that their number on one side is binomial with p = 1/2 (McNemar 1947,
    https://doi.org/10.1007/BF02295996; Dietterich 1998, https://doi.org/10.1162/089976698300017197, on comparing
    classifiers). The exact two-sided probability is used, as for small counts the chi-square form is not to be trusted.
    """

    only_first: int
    only_second: int

    @property
    def p_value(self) -> float:
        from scipy.stats import binomtest  # noqa: PLC0415 - it takes a second

        rows = self.only_first + self.only_second
        return float(binomtest(self.only_second, rows, 0.5).pvalue) if rows else 1.0

    @property
    def is_significant(self) -> bool:
        return self.p_value < LEVEL
