"""Metrics on answers small enough to count by hand."""

import numpy as np
import pytest

from tritext_perf.evaluation import (
    DifferentLabels,
    UnknownLabels,
    agreement,
    check_same_labels,
    decide,
    reordered,
    score,
)

LABELS = ("a", "b", "c")
ONE = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], np.float32)
ANY = np.array([[0.9, 0.6, 0.1], [0.5, 0.2, 0.1], [0.1, 0.1, 0.1]], np.float32)


def test_one_label_a_row_is_judged_by_the_most_probable() -> None:
    metrics = score([("a",), ("b",), ("b",), ("c",)], ONE, LABELS)
    assert (metrics.rows, metrics.accuracy, metrics.micro_f1) == (4, 0.5, 0.5)
    a, b, c = metrics.labels
    assert (a.precision, a.recall, a.support) == (0.5, 1.0, 1)
    assert (b.precision, b.recall, b.support) == (0.5, 0.5, 2)
    assert (c.precision, c.recall, c.f1, c.support) == (0.0, 0.0, 0.0, 1)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_any_number_of_labels_is_judged_by_the_threshold() -> None:
    metrics = score([("a", "b"), (), ()], ANY, LABELS, multi_label=True)
    assert metrics.accuracy == pytest.approx(2 / 3)
    assert metrics.micro_f1 == pytest.approx(2 * 2 / (2 + 3))
    stricter = score([("a", "b"), (), ()], ANY, LABELS, multi_label=True, threshold=0.55)
    assert (stricter.accuracy, stricter.micro_f1) == (1.0, 1.0)


def test_a_probability_at_the_threshold_counts() -> None:
    assert decide(ANY, multi_label=True).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_a_label_that_the_model_lacks_is_an_error() -> None:
    with pytest.raises(UnknownLabels, match="'d'"):
        score([("a",), ("d",)], ONE[:2], LABELS)


def test_agreement_counts_rows_and_finds_the_largest_difference() -> None:
    other = ONE.copy()
    other[0] = [0.1, 0.8, 0.1]
    found = agreement(other, ONE, multi_label=False)
    assert found.labels == 0.75
    assert found.largest_difference == pytest.approx(0.7)


def test_columns_follow_the_labels_whatever_their_order() -> None:
    assert reordered(ONE, original=LABELS, served=("c", "a", "b"))[0].tolist() == ONE[0, [2, 0, 1]].tolist()
    with pytest.raises(DifferentLabels, match="'c', 'd'"):
        check_same_labels(LABELS, ("a", "b", "d"))
