"""Laws of the tasks' metrics: equal to those of the libraries and scripts that the field reports with."""

import json
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from tritext.metrics import classification, ranking, similarity, spans, squad
from tritext.questions import read_questions

SQUAD = Path(__file__).parents[3] / "shared/data/squad"

needs_squad = pytest.mark.skipif(
    not SQUAD.is_dir(), reason=f"SQuAD and the official predictions are not at {SQUAD}"
)


def tagged(seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Random tags of every scheme, proper or not, and an answer that is right more often than not."""
    chance = random.Random(seed)
    tags = ["O", *(f"{position}-{name}" for position in "BIES" for name in ("x", "y-z"))]
    truth = [[chance.choice(tags) for _ in range(chance.randrange(1, 12))] for _ in range(5)]
    return truth, [[tag if chance.random() < 0.6 else chance.choice(tags) for tag in row] for row in truth]


@pytest.mark.parametrize("seed", range(20))
def test_entities_are_seqevals(seed: int) -> None:
    seqeval = pytest.importorskip("seqeval.metrics")
    truth, answer = tagged(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = seqeval.classification_report(truth, answer, output_dict=True)
        accuracy = seqeval.accuracy_score(truth, answer)
    found = spans.overall(truth, answer)
    assert found == pytest.approx(
        {
            "precision": report["micro avg"]["precision"],
            "recall": report["micro avg"]["recall"],
            "f1": report["micro avg"]["f1-score"],
            "macro_f1": report["macro avg"]["f1-score"],
            "accuracy": accuracy,
        }
    )
    for each in spans.per_type(truth, answer):
        other = report[each["label"]]
        assert (each["precision"], each["recall"], each["f1"], each["support"]) == pytest.approx(
            (other["precision"], other["recall"], other["f1-score"], other["support"])
        )


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-x I-x O B-x", [("x", 0, 2), ("x", 3, 4)]),
        ("I-x I-y I-y", [("x", 0, 1), ("y", 1, 3)]),
        ("B-x B-x", [("x", 0, 1), ("x", 1, 2)]),
        ("S-x E-x I-x", [("x", 0, 1), ("x", 1, 2), ("x", 2, 3)]),
        ("NOUN NOUN VERB", [("NOUN", 0, 2), ("VERB", 2, 3)]),
    ],
)
def test_tags_become_entities(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert [(each.type, each.first, each.end) for each in spans.entities(tags.split())] == expected


def test_nothing_expected_and_nothing_found_is_nothing_to_divide_by() -> None:
    assert spans.overall([["O"]], [["O"]]) == {
        **dict.fromkeys(("precision", "recall", "f1", "macro_f1"), 0.0),
        "accuracy": 1.0,
    }


def test_texts_of_different_lengths_are_never_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        spans.overall([["O", "O"]], [["O"]])


# ---- question answering


@needs_squad
@pytest.mark.parametrize(
    ("data", "predictions", "expected"),
    [
        ("dev-v1.1", "v1.1.bert", {"exact_match": 86.2062, "f1": 92.1956}),
        ("dev-v2.0.reconstructed", "v2.0.bert", {
            "exact_match": 78.7417, "f1": 81.7753,
            "has_ans_exact_match": 74.1059, "has_ans_f1": 80.1818,
            "no_ans_exact_match": 83.3642, "no_ans_f1": 83.3642,
        }),
        ("dev-v2.0.reconstructed", "v2.0.bidaf_elmo", {"exact_match": 65.7037, "f1": 67.8765}),
    ],
)  # fmt: skip
def test_official_predictions_get_the_official_figures(
    data: str, predictions: str, expected: dict[str, float]
) -> None:
    questions = read_questions(SQUAD / f"{data}.json").rows
    given = json.loads((SQUAD / f"official_predictions/{predictions}.json").read_text())
    found = squad.overall(
        [[answer.text for answer in question.answers] for question in questions],
        [given[question.id] for question in questions],
    )
    assert {name: round(found[name], 4) for name in expected} == expected


@pytest.mark.parametrize(
    ("right", "given", "exact", "f1"),
    [
        (["The Eiffel-Tower!"], "eiffeltower", 1, 1),
        (["in 1815", "1815"], "1815", 1, 1),
        (["the big red house"], "a red house", 0, 2 * 2 / 5),
        (["yes yes no"], "yes", 0, 2 * 1 / 4),
        (["no"], "", 0, 0),
        ([], "", 1, 1),
        ([], "something", 0, 0),
        ([], "the", 1, 1),
    ],
)
def test_answers_are_compared_word_by_word(right: list[str], given: str, exact: float, f1: float) -> None:
    assert squad.exact_match(right, given) == exact
    assert squad.f1(right, given) == pytest.approx(f1)


def test_kinds_of_questions_are_told_apart_only_where_there_are_both() -> None:
    assert squad.overall([["x y"]], ["y x"]) == {"exact_match": 0.0, "f1": 100.0}
    assert squad.overall([["b"], []], ["b", "x"]) == {
        "exact_match": 50.0,
        "f1": 50.0,
        **dict.fromkeys(("has_ans_exact_match", "has_ans_f1"), 100.0),
        **dict.fromkeys(("no_ans_exact_match", "no_ans_f1"), 0.0),
    }


# ---- numbers and rankings


@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_scipys(seed: int) -> None:
    chance = np.random.default_rng(seed)
    one = chance.integers(0, 9, 40)
    other = one + chance.normal(size=40).round(1)
    found = similarity.overall(one.tolist(), other.tolist())
    assert found["pearson"] == pytest.approx(stats.pearsonr(one, other)[0])
    assert found["spearman"] == pytest.approx(stats.spearmanr(one, other)[0])


def test_errors_are_means_and_what_is_constant_correlates_with_nothing() -> None:
    assert similarity.overall([1, 2, 3], [2, 2, 2]) == pytest.approx(
        {"pearson": 0, "spearman": 0, "mse": 2 / 3, "mae": 2 / 3}
    )
    assert similarity.overall([1], [1])["pearson"] == 0


@pytest.mark.parametrize("seed", range(5))
def test_rankings_are_scikit_learns(seed: int) -> None:
    chance = np.random.default_rng(seed)
    relevances, scores = chance.integers(0, 3, (1, 25)), chance.normal(size=(1, 25))
    found = ranking.overall(relevances.tolist(), scores.tolist())
    assert found["ndcg_at_10"] == pytest.approx(ndcg_score(relevances, scores, k=10))
    assert found["map"] == pytest.approx(label_ranking_average_precision_score(relevances > 0, scores))


def test_rankings_by_hand() -> None:
    found = ranking.overall([[0, 1, 0, 1], [1, 0]], [[0.9, 0.8, 0.7, 0.1], [0.6, 0.5]])
    assert found["mrr"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["map"] == pytest.approx(((1 / 2 + 2 / 4) / 2 + 1) / 2)
    assert found["queries"] == 2


def test_only_queries_that_can_be_ranked_rightly_and_wrongly_count() -> None:
    nothing = dict.fromkeys(("mrr", "map", "ndcg_at_10", "queries"), 0)
    assert ranking.overall([[1, 1], [0, 0], [1]], [[1, 2], [1, 2], [1]]) == nothing
    assert ranking.overall([[1, 1], [0, 1]], [[1, 2], [1, 2]])["queries"] == 1


def test_a_model_that_tells_nothing_apart_gains_nothing_from_the_order_of_the_file() -> None:
    assert ranking.overall([[1, 0, 0, 0]], [[0.5] * 4])["mrr"] == 0.25


# ---- classification


def test_figures_of_single_and_of_several_labels() -> None:
    found = classification.overall(np.array([0, 1, 1, 2]), np.array([0, 1, 0, 1]))
    assert found["accuracy"] == found["micro_f1"] == 0.5
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found["weighted_f1"] == pytest.approx((2 / 3 + 2 * 1 / 2 + 0) / 4)
    several = classification.overall(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
    assert several["accuracy"] == 0.5
    assert several["micro_f1"] == pytest.approx(2 / 3)


def test_a_label_that_never_occurs_has_zeros() -> None:
    a, b = classification.per_label(np.array([0, 0]), np.array([0, 0]), ("a", "b"))
    assert (a["label"], a["f1"], a["support"]) == ("a", 1.0, 2)
    assert (b["precision"], b["recall"], b["f1"], b["support"]) == (0.0, 0.0, 0.0, 0)


def test_the_best_threshold_is_the_one_nearest_to_a_half_of_equals() -> None:
    probabilities = np.array([[0.9], [0.1]], np.float32)
    assert classification.best_threshold(np.array([[1], [0]]), probabilities) == 0.5
    assert classification.best_threshold(np.array([[1], [1]]), probabilities) <= 0.1
