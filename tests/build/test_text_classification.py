"""From logits to answers as the pipeline gives them."""

import json

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import softmax as exact_softmax

from tritext_build.runtime.functions import FUNCTIONS
from tritext_build.runtime.requests import as_results
from tritext_build.runtime.text_classification.answers import best_labels

LABELS = ("a", "b", "c")
LOGITS = np.array([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0], [-1e4, 1e4, 0.0]], np.float32)


@pytest.mark.parametrize(
    ("function", "exact"), [("softmax", lambda x: exact_softmax(x, axis=-1)), ("sigmoid", expit)]
)
def test_scores_are_exact_and_never_overflow(function: str, exact: object) -> None:
    scores = FUNCTIONS[function](LOGITS)
    np.testing.assert_allclose(scores, exact(LOGITS.astype(np.float64)), atol=1e-7)  # type: ignore[operator]
    assert scores.dtype == np.float32


def test_small_probabilities_keep_their_digits_and_their_order() -> None:
    """Rankings are made of them: a relevance of 1e-7 is more than one of 9e-8."""
    logits = np.linspace(-80, -10, 141, dtype=np.float32)
    scores = FUNCTIONS["sigmoid"](logits)
    np.testing.assert_allclose(scores, expit(logits.astype(np.float64)), rtol=1e-6)
    assert (np.diff(scores) > 0).all()


@pytest.mark.parametrize(
    ("top_k", "expected"), [(1, ["b"]), (2, ["b", "c"]), (99, ["b", "c", "a"]), (None, ["b", "c", "a"])]
)
def test_labels_come_best_first_and_no_more_than_asked(top_k: int | None, expected: list[str]) -> None:
    row = best_labels(LOGITS, LABELS, function_to_apply="softmax", top_k=top_k)[0]
    assert [label["label"] for label in row] == expected


def test_equal_scores_keep_the_order_of_the_labels() -> None:
    row = best_labels(LOGITS, LABELS, function_to_apply="softmax", top_k=None)[1]
    assert [label["label"] for label in row] == list(LABELS)


def test_json_gives_back_every_score_to_the_last_bit() -> None:
    row = best_labels(LOGITS, LABELS, function_to_apply="sigmoid", top_k=None)[0]
    scores = [label["score"] for label in json.loads(as_results([row])[0, 0])]
    assert scores == sorted(FUNCTIONS["sigmoid"](LOGITS)[0].tolist(), reverse=True)
