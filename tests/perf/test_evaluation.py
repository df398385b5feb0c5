"""Laws of evaluation: whoever answers is asked about every row once, and right answers get the best figures."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tritext.errors import TritextError
from tritext.results import Answer, Entity, Filled, Label, Ranked, ServedModel, TensorSpec, ZeroShot
from tritext.tagged import TaggedText
from tritext_perf.evaluation import TASKS, Evaluation, Options, Served, read_evaluation
from tritext_perf.evaluation.labels import DifferentLabels, UnknownLabels, decide, score
from tritext_perf.evaluation.token_classification import tags_of

LABELS = ("a", "b", "c")
ANY = np.array([[0.9, 0.6, 0.1], [0.5, 0.2, 0.1], [0.1, 0.1, 0.1]], np.float32)


def served(task: str, *, labels: tuple[str, ...] = (), inputs: tuple[str, ...] = ("TEXT",)) -> Served:
    tensors = tuple(TensorSpec(name=name, datatype="BYTES", shape=(1,)) for name in inputs)
    return Served(model=ServedModel(name="tiny", task=task, inputs=tensors), labels=labels)


def read(
    tmp_path: Path, model: Served, rows: list[dict[str, Any]], *, options: Options | None = None
) -> Evaluation:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_evaluation(path, model, options or Options())


def answering(
    answer: Callable[[Any], Any], *, said: dict[str, Any] | None = None
) -> Callable[..., Iterator[Any]]:
    """Answers each item by itself; what the method was called with goes into `said`."""

    def ask(items: Iterable[Any], **options: Any) -> Iterator[Any]:
        if said is not None:
            said.update(options)
        return map(answer, items)

    return ask


def labelled(scores: dict[str, float]) -> list[Label]:
    return sorted(
        (Label(label=name, score=score) for name, score in scores.items()), key=lambda each: -each.score
    )


# ---- text classification


def test_one_label_a_row_is_judged_by_the_most_probable(tmp_path: Path) -> None:
    truth = {"w": "a", "x": "b", "y": "b", "z": "c"}
    given = {"w": (0.8, 0.1, 0.1), "x": (0.1, 0.8, 0.1), "y": (0.6, 0.3, 0.1), "z": (0.2, 0.7, 0.1)}
    rows = [{"text": text, "label": label} for text, label in truth.items()]
    evaluation = read(tmp_path, served("text-classification", labels=LABELS), rows)
    said: dict[str, Any] = {}
    answers = list(
        evaluation.answers(
            answering(lambda text: labelled(dict(zip(LABELS, given[text], strict=True))), said=said)
        )
    )
    assert said == {"top_k": "all"}
    figures = evaluation.overall(answers)
    assert (figures["accuracy"], figures["micro_f1"]) == (0.5, 0.5)
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    a, b, c = evaluation.per_label(answers)
    assert (a["precision"], a["recall"], a["support"]) == (0.5, 1.0, 1)
    assert (b["precision"], b["recall"], b["support"]) == (0.5, 0.5, 2)
    assert (c["f1"], c["support"]) == (0.0, 1)


def test_any_number_of_labels_is_judged_by_the_threshold() -> None:
    truth = [("a", "b"), (), ()]
    found = score(truth, ANY, LABELS, multi_label=True)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["micro_f1"] == pytest.approx(2 * 2 / (2 + 3))
    stricter = score(truth, ANY, LABELS, multi_label=True, threshold=0.55)
    assert (stricter["accuracy"], stricter["micro_f1"]) == (1.0, 1.0)


def test_a_probability_at_the_threshold_counts() -> None:
    assert decide(ANY, multi_label=True).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_agreement_counts_rows_and_finds_the_largest_difference(tmp_path: Path) -> None:
    rows = [{"text": str(row), "label": "a"} for row in range(4)]
    evaluation = read(tmp_path, served("text-classification", labels=LABELS), rows)
    one = [
        np.array(row, np.float32)
        for row in ((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.6, 0.3, 0.1), (0.2, 0.7, 0.1))
    ]
    other = [np.array((0.1, 0.8, 0.1), np.float32), *one[1:]]
    found = evaluation.agreement(other, one)
    assert found == pytest.approx({"labels": 0.75, "largest_difference": 0.7})


def test_labels_that_the_model_lacks_are_named_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UnknownLabels, match="'d'"):
        read(tmp_path, served("text-classification", labels=LABELS), [{"text": "x", "label": "d"}])


def test_a_checkpoint_of_other_labels_is_refused(tmp_path: Path) -> None:
    evaluation = read(tmp_path, served("text-classification", labels=LABELS), [{"text": "x", "label": "a"}])
    with pytest.raises(DifferentLabels, match="'c', 'd'"):
        list(evaluation.answers(answering(lambda _: labelled({"a": 0.2, "b": 0.3, "d": 0.5}))))


def test_a_model_of_pairs_is_asked_with_pairs(tmp_path: Path) -> None:
    model = served("text-classification", labels=LABELS, inputs=("TEXT", "TEXT_PAIR"))
    evaluation = read(tmp_path, model, [{"premise": "x", "hypothesis": "y", "label": "a"}])
    assert evaluation.items == (("x", "y"),)


def test_a_single_output_is_a_number(tmp_path: Path) -> None:
    rows = [{"text": text, "score": len(text)} for text in ("x", "xx", "xxxx")]
    evaluation = read(tmp_path, served("text-classification", labels=("stars",)), rows)
    answers = list(evaluation.answers(answering(lambda text: labelled({"stars": 2 * len(text)}))))
    figures = evaluation.overall(answers)
    assert (figures["pearson"], figures["spearman"]) == pytest.approx((1, 1))
    assert figures["mae"] == pytest.approx(7 / 3)
    assert evaluation.agreement(answers, [2.0, 4.5, 8.0]) == {"largest_difference": 0.5}


@pytest.mark.parametrize("kind", ["label", "score"])
def test_the_truth_may_be_named_by_either_option(tmp_path: Path, kind: str) -> None:
    rows = [{"text": "x", "mine": 1}, {"text": "y", "mine": 2}]
    options = Options(columns={kind: "mine"})
    one_output = read(tmp_path, served("text-classification", labels=("stars",)), rows, options=options)
    assert one_output.overall([1.0, 2.0])["mae"] == 0
    read(tmp_path, served("text-classification", labels=("1", "2")), rows, options=options)


# ---- token classification


def piece(label: str, start: int, end: int) -> Entity:
    return Entity(label=label, score=0.5, word="", start=start, end=end, index=1)


def test_a_token_has_the_tag_of_its_first_piece_whatever_the_others_say() -> None:
    row = TaggedText(text="New York 's big", offsets=((0, 3), (4, 8), (9, 11), (12, 15)), tags=("O",) * 4)
    pieces = [piece("B-x", 0, 3), piece("I-x", 3, 6), piece("O", 6, 8), piece("B-y", 10, 11)]
    assert tags_of(row, pieces) == (("B-x", "I-x", "B-y", "O"), (0.5, 0.5, 0.5, 0.0))


def test_entities_are_compared_token_by_token(tmp_path: Path) -> None:
    rows = [
        {"tokens": ["Zoë", "Li", "ran"], "tags": ["B-p", "I-p", "O"]},
        {"tokens": ["Rome"], "tags": ["B-l"]},
    ]
    evaluation = read(tmp_path, served("token-classification"), rows)
    said: dict[str, Any] = {}
    right = {
        "Zoë Li ran": [piece("B-p", 0, 3), piece("I-p", 4, 6), piece("O", 7, 10)],
        "Rome": [piece("O", 0, 4)],
    }
    answers = list(evaluation.answers(answering(right.__getitem__, said=said)))
    assert said == {"aggregation_strategy": "none", "ignore_labels": []}
    figures = evaluation.overall(answers)
    assert (figures["precision"], figures["recall"], figures["accuracy"]) == (1, 0.5, 0.75)
    assert [row["label"] for row in evaluation.per_label(answers)] == ["l", "p"]
    assert evaluation.agreement(answers, answers) == {"texts": 1, "tags": 1, "largest_difference": 0}


def test_entities_without_a_name_in_common_are_a_mistake(tmp_path: Path) -> None:
    evaluation = read(tmp_path, served("token-classification"), [{"tokens": ["Zoë"], "tags": ["B-person"]}])
    answers = list(evaluation.answers(answering(lambda _: [piece("B-PER", 0, 3)])))
    with pytest.raises(UnknownLabels, match="'person'; the model's labels are 'PER'"):
        evaluation.overall(answers)


# ---- other tasks


def test_a_model_may_say_that_there_is_no_answer_only_where_the_data_do(tmp_path: Path) -> None:
    row = {"question": "When?", "context": "In 1815.", "answers": ["1815"]}
    for rows, allowed in (([row], False), ([row, row | {"answers": []}], True)):
        evaluation = read(tmp_path, served("question-answering"), rows)
        said: dict[str, Any] = {}
        answer = Answer(answer="1815", score=0.5, start=3, end=7)
        answers = list(
            evaluation.answers(
                answering({item: [answer] for item in evaluation.items}.__getitem__, said=said)
            )
        )
        assert said["handle_impossible_answer"] is allowed
        assert evaluation.overall(answers)["exact_match"] == 100 / len(rows)
        assert evaluation.agreement(answers, answers) == {"answers": 1, "largest_difference": 0}


def by_length(item: Any) -> ZeroShot:
    """The longest candidate label fits best."""
    text, labels = item
    ranked = tuple(sorted(labels, key=len, reverse=True))
    return ZeroShot(
        sequence=text, labels=ranked, scores=tuple(1 / (2 + place) for place in range(len(ranked)))
    )


def test_the_labels_of_the_data_are_the_candidates(tmp_path: Path) -> None:
    rows = [{"text": "x", "label": "sport"}, {"text": "y", "label": "art"}, {"text": "z", "label": "economy"}]
    evaluation = read(
        tmp_path, served("zero-shot-classification"), rows, options=Options(hypothesis_template="It is {}.")
    )
    said: dict[str, Any] = {}
    answers = list(evaluation.answers(answering(by_length, said=said)))
    assert evaluation.items[0] == ("x", ("art", "economy", "sport"))
    assert said == {"multi_label": False, "hypothesis_template": "It is {}."}
    assert evaluation.overall(answers)["accuracy"] == pytest.approx(1 / 3)
    assert len(evaluation.per_label(answers)) == 3
    assert evaluation.agreement(answers, answers)["labels"] == 1


def test_a_text_may_have_candidates_of_its_own(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "candidate_labels": ["he runs", "he sleeps"], "label": "he sleeps"},
        {"text": "y", "candidate_labels": ["hm", "a cat", "a house"], "label": "a cat"},
    ]
    evaluation = read(tmp_path, served("zero-shot-classification"), rows)
    answers = list(evaluation.answers(answering(by_length)))
    assert evaluation.overall(answers) == {"accuracy": 0.5}
    assert evaluation.per_label(answers) == []
    with pytest.raises(UnknownLabels, match="'z'"):
        read(tmp_path, served("zero-shot-classification"), [rows[0], rows[1] | {"label": "z"}])


def test_several_labels_are_judged_by_themselves(tmp_path: Path) -> None:
    rows = [{"text": "x", "label": ["ab", "abc"]}, {"text": "y", "label": ["abc"]}]
    evaluation = read(tmp_path, served("zero-shot-classification"), rows, options=Options(threshold=0.4))
    said: dict[str, Any] = {}
    answers = list(evaluation.answers(answering(by_length, said=said)))
    assert said == {"multi_label": True}
    assert evaluation.overall(answers)["accuracy"] == 0.5


def embedded(text: str) -> Any:
    return np.array([text.count("x"), text.count("y")], np.float32)


def test_embeddings_are_judged_by_their_cosines(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "text_pair": "xx", "score": 5},
        {"text": "x", "text_pair": "xy", "score": 3},
        {"text": "x", "text_pair": "", "score": 0},
        {"text": "x", "text_pair": "yy", "score": 0},
    ]
    rows[2]["text_pair"] = "nothing"
    evaluation = read(tmp_path, served("feature-extraction"), rows)
    answers = list(evaluation.answers(answering(embedded)))
    assert answers == pytest.approx([1, 0.5**0.5, 0, 0])
    assert evaluation.overall(answers)["spearman"] == 1


@pytest.mark.parametrize("task", ["feature-extraction", "text-ranking"])
def test_queries_are_judged_by_how_their_texts_are_ranked(tmp_path: Path, task: str) -> None:
    rows = [{"query": query, "text": text, "label": label} for query, text, label in (
        ("x", "y", 0), ("x", "x", 1), ("x", "yyx", 0), ("y", "yyx", 0), ("y", "x", 1), ("xy", "xy", 1),
    )]  # fmt: skip

    def ranked(item: Any) -> Any:
        query, texts = item
        scores = [float(embedded(query) @ embedded(text)) / len(text) for text in texts]
        return [Ranked(corpus_id=place, score=scores[place]) for place in np.argsort(scores)[::-1]]

    evaluation = read(tmp_path, served(task), rows)
    answers = list(evaluation.answers(answering(embedded if task == "feature-extraction" else ranked)))
    figures = evaluation.overall(answers)
    assert (figures["mrr"], figures["queries"]) == (0.75, 2)
    assert evaluation.agreement(answers, answers) == {"orders": 1, "largest_difference": 0}


def test_masks_are_judged_by_the_words_in_their_place(tmp_path: Path) -> None:
    rows = [
        {"text": "a [MASK]", "label": "cat"},
        {"text": "b [MASK]", "label": "dog"},
        {"text": "c [MASK]", "label": "x"},
    ]
    evaluation = read(tmp_path, served("fill-mask"), rows)
    words = [
        Filled(score=0.5 - place / 9, token=place, token_str=word, sequence="")
        for place, word in enumerate((" cat", "dog"))
    ]
    answers = list(evaluation.answers(answering(lambda _: [words])))
    assert evaluation.overall(answers) == {"accuracy": 1 / 3, "accuracy_at_5": 2 / 3}
    assert evaluation.agreement(answers, answers) == {"words": 1, "largest_difference": 0}


# ---- mistakes


@pytest.mark.parametrize("task", TASKS)
def test_data_of_another_task_are_one_sentence(tmp_path: Path, task: str) -> None:
    with pytest.raises(TritextError) as caught:
        read(tmp_path, served(task, labels=LABELS), [{"picture": "cat.png"}])
    assert "-column" in str(caught.value)


def test_a_column_that_means_nothing_for_the_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        TritextError, match="--tags-column means nothing for fill-mask: its options are --text-column"
    ):
        read(tmp_path, served("fill-mask"), [{"text": "x"}], options=Options(columns={"tags": "t"}))


@pytest.mark.parametrize("task", ["image-classification", ""])
def test_a_model_of_no_known_task_cannot_be_evaluated(tmp_path: Path, task: str) -> None:
    with pytest.raises(TritextError, match="'tiny' cannot be evaluated"):
        read(tmp_path, served(task), [{"text": "x"}])
