"""Laws of refusing: what cannot be trained is said in one sentence, before any training."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import options
from tests.training.tiny_base import MAX_POSITIONS, make_tiny_base, write_topics
from tritext.errors import TritextError
from tritext_training.run import train

ONE_LABEL = "text,label\na,x\nb,x\nc,x\n"
SINGLETONS = "text,label\na,x\nb,y\nc,z\n"
EMPTY_TEXT = "text,label\na,x\n,y\n"
UNSEEN = "text,label\napple,vegetable\n"
GOOD = "text,label\n" + "".join(f"apple {n},x\niron {n},y\n" for n in range(20))
SEVERAL = json.dumps([{"text": f"apple {n}", "labels": ["x", "y"]} for n in range(9)])


@pytest.mark.parametrize(
    ("content", "given", "complaint"),
    [
        (ONE_LABEL, {}, "has 1 label"),
        (SINGLETONS, {}, "every label needs one row"),
        (EMPTY_TEXT, {}, "line 3: the text is missing or empty"),
        (GOOD, {"task": "poetry"}, "No task is called 'poetry': expected one of feature-extraction, "),
        (GOOD, {"base": "/no/such/base"}, "There is no checkpoint '/no/such/base'"),
        (GOOD, {"epochs": 0}, "--epochs is 0: expected at least 1"),
        (GOOD, {"max_samples": 1}, "--max-samples is 1"),
        (GOOD, {"gradient_accumulation": 0}, "--gradient-accumulation is 0: expected at least 1"),
        (GOOD, {"gradient_accumulation": 3}, "--batch-size is 8: expected a multiple of 3"),
        (GOOD, {"temperature": 0.5}, "--temperature is 0.5: expected at least 1"),
        (GOOD, {"class_weights": "some"}, "--class-weights is some: expected balanced"),
        (GOOD, {"teacher": "/no/such/teacher"}, "There is no checkpoint '/no/such/teacher'"),
        (GOOD, {"task": "text-ranking", "teacher": "x"}, "--teacher is no option of text-ranking"),
        (GOOD, {"learning_rate": -1.0}, "--learning-rate is -1.0"),
        (GOOD, {"learning_rate": float("nan")}, "--learning-rate is nan"),
        (GOOD, {"batch_size": 0}, "--batch-size is 0"),
        (GOOD, {"threshold": 0.3}, "--threshold is 0.3: expected data with several labels per row"),
        (GOOD, {"threshold": 1.5}, "--threshold is 1.5"),
        (GOOD, {"validation_split": 0.9}, "--validation-split is 0.9"),
        (GOOD, {"max_length": MAX_POSITIONS + 1}, f"at most {MAX_POSITIONS} tokens"),
        (GOOD, {"max_length": 2}, "--max-length is 2"),
        (GOOD, {"label_column": "kind"}, "no column 'kind'; its columns are 'text', 'label'"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_leaves_nothing_behind(
    tmp_path: Path, base: Path, content: str, given: dict[str, Any], complaint: str
) -> None:
    data = tmp_path / "data.csv"
    data.write_text(content)
    with pytest.raises(TritextError) as caught:
        train(options(**{"data": data, "base": str(base), "output": tmp_path / "out", **given}))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


TAGS = "apple\tB-fruit\nthe\tO\n\n" * 9
PAIRS = "text,text_pair\n" + "".join(f"apple {n},plum {n}\n" for n in range(20))
SCORES = "text,text_pair,score\n" + "".join(f"apple {n},plum {n},{n / 9}\n" for n in range(20))
RANKED = "query,text,relevance\n" + "".join(f"q{n // 2},apple {n},{n % 2}\n" for n in range(40))
ASKED = "question,context,answer\n" + "".join(f"what,the apple {n},apple\n" for n in range(20))
TAG, ANSWER, EMBED = "token-classification", "question-answering", "feature-extraction"


@pytest.mark.parametrize(
    ("name", "content", "given", "complaint"),
    [
        (
            "a.csv",
            GOOD,
            {"doc_stride": 9},
            "--doc-stride is no option of text-classification: only of question-",
        ),
        (
            "a.tags",
            TAGS,
            {"task": TAG, "label_separator": ","},
            "--label-separator is no option of token-class",
        ),
        ("a.csv", PAIRS, {"task": EMBED, "threshold": 0.5}, "--threshold is no option of feature-extraction"),
        ("a.tags", "the\tO\n\n" * 9, {"task": TAG}, "has 1 label(s) (O)"),
        (
            "a.csv",
            ASKED.replace(",apple\n", ",pear\n"),
            {"task": ANSWER},
            "no question whose answer stands in its",
        ),
        (
            "a.csv",
            ASKED,
            {"task": ANSWER, "doc_stride": 99},
            "--doc-stride is 99: expected less, or a greater --max",
        ),
        (
            "a.csv",
            "question,context,answer\n" + "w,the apple,apple\n" * 9,
            {"task": ANSWER},
            "1 different contexts",
        ),
        (
            "a.csv",
            "text,text_pair,score\n" + "a,b,1\n" * 9,
            {"task": EMBED},
            "Every pair of the data has the score 1",
        ),
        ("a.csv", SCORES.replace("0.0", "much"), {"task": EMBED}, "expected a number as the score, got"),
        ("a.csv", PAIRS, {"task": EMBED, "max_samples": 2, "pair_column": "p"}, "no column 'p'"),
        (
            "a.csv",
            RANKED.replace(",1\n", ",0\n"),
            {"task": "text-ranking"},
            "no query with both relevant and irrel",
        ),
        (
            "a.csv",
            GOOD,
            {"problem_type": "ordinal"},
            "--problem-type is ordinal: expected one of single_label_cla",
        ),
        ("a.csv", GOOD, {"problem_type": "regression"}, "expected a number as the score, got"),
        (
            "a.csv",
            SCORES,
            {"score_column": "score", "threshold": 0.5},
            "--threshold is 0.5: expected labels, not num",
        ),
        (
            "a.csv",
            GOOD,
            {"label_names": "x"},
            "--label-names 'x' cannot be used: expected two or more different",
        ),
        ("a.csv", GOOD, {"label_names": "a,b"}, "has the label 'x', but --label-names gives 2 names (a, b)"),
        ("a.json", SEVERAL, {"problem_type": "single_label_classification"}, "expected one label per row in"),
        ("a.csv", GOOD, {"pair_column": "hypothesis"}, "no column 'hypothesis'"),
    ],
)
def test_an_option_or_data_that_do_not_suit_the_task_are_one_sentence(
    tmp_path: Path, base: Path, name: str, content: str, given: dict[str, Any], complaint: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TritextError) as caught:
        train(options(**{"data": tmp_path / name, "base": str(base), "output": tmp_path / "out", **given}))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("modules", "pooling", "complaint"),
    [
        (["Transformer", "Pooling", "Dense"], {}, "makes its embeddings by Dense"),
        (["Transformer", "Pooling"], {"pooling_mode": "lasttoken"}, "makes its embeddings by lasttoken"),
        (
            ["Transformer", "Pooling"],
            {"pooling_mode_max_tokens": True, "pooling_mode_cls_token": True},
            " and ",
        ),
    ],
)
def test_a_base_whose_pooling_is_not_trained_here_is_refused(
    tmp_path: Path, modules: list[str], pooling: dict[str, Any], complaint: str
) -> None:
    base = make_tiny_base(tmp_path / "base")
    (base / "modules.json").write_text(
        json.dumps(
            [{"type": f"x.{kind}", "path": "" if kind == "Transformer" else f"1_{kind}"} for kind in modules]
        )
    )
    (base / "1_Pooling").mkdir()
    (base / "1_Pooling/config.json").write_text(json.dumps(pooling))
    (tmp_path / "a.csv").write_text(PAIRS)
    with pytest.raises(TritextError, match=complaint):
        train(options(task=EMBED, data=tmp_path / "a.csv", base=str(base), output=tmp_path / "out"))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("eval.csv", UNSEEN, "label(s) that the training data do not have: vegetable"),
        ("eval.json", SEVERAL, "has several labels per row"),
    ],
)
def test_evaluation_data_must_fit_the_training_data(
    tmp_path: Path, base: Path, topics: Path, name: str, content: str, complaint: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TritextError) as caught:
        train(options(data=topics, eval_data=tmp_path / name, base=str(base), output=tmp_path / "out"))
    assert complaint in str(caught.value)


def test_fewer_samples_than_labels_need_are_refused_with_the_least_number(
    tmp_path: Path, base: Path, topics: Path
) -> None:
    with pytest.raises(TritextError, match="--max-samples is 2: expected at least 3"):
        train(options(data=topics, base=str(base), output=tmp_path / "out", max_samples=2))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("tokenizer.json", b"{}", "cannot be used"),
        ("config.json", b"{", "cannot be used"),
        ("config.json", b'{"model_type": "nonsense"}', "cannot be used"),
        ("model.safetensors", b"garbage", "cannot be used"),
    ],
)
def test_a_broken_base_is_named(
    tmp_path: Path, topics: Path, name: str, content: bytes, complaint: str
) -> None:
    broken = make_tiny_base(tmp_path / "broken")
    (broken / name).write_bytes(content)
    with pytest.raises(TritextError, match=complaint) as caught:
        train(options(data=topics, base=str(broken), output=tmp_path / "out"))
    assert str(broken) in str(caught.value)


def test_a_loss_that_is_no_number_ends_training_with_advice(tmp_path: Path, topics: Path) -> None:
    base = make_tiny_base(tmp_path / "base", weight=float("nan"))
    with pytest.raises(TritextError, match=r"NaN or infinite in epoch .*: lower --learning-rate"):
        train(options(data=topics, base=str(base), output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_label_with_one_row_is_trained_on_and_reported(tmp_path: Path, base: Path) -> None:
    data = write_topics(tmp_path / "data.csv", rows=40, seed=7)
    data.write_text(data.read_text() + "only one,rare\n")
    report = train(options(data=data, base=str(base), output=tmp_path / "out", epochs=1))
    counts = {name: split["label_counts"]["rare"] for name, split in report["data"]["splits"].items()}
    assert counts == {"train": 1, "validation": 0, "test": 0}
