"""What is learnt about the texts before the load comes."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.perf.conftest import Recorder
from tritext.results import Label
from tritext_perf import quality
from tritext_perf.input_data import Texts
from tritext_perf.server import Server

TEXTS = Texts(
    path=Path("t.csv"),
    sha256="0" * 64,
    rows=3,
    texts=("a", "b", "c"),
    labels=(("late",), ("dear",), ("late",)),
    multi_label=False,
)


def answer(**scores: float) -> list[Label]:
    best_first = sorted(scores.items(), key=lambda entry: -entry[1])
    return [Label(label=label, score=score) for label, score in best_first]


ANSWERS = [answer(late=0.9, dear=0.1), answer(late=0.8, dear=0.2), answer(late=0.7, dear=0.3)]


def test_metrics_compare_the_best_label_with_the_files() -> None:
    metrics, remark = quality._metrics(TEXTS, ANSWERS)
    assert metrics is not None
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert remark == ""


def test_without_labels_there_is_nothing_to_say() -> None:
    assert quality._metrics(replace(TEXTS, labels=None), ANSWERS) == (None, "")


def test_labels_of_another_model_give_a_remark_instead_of_a_figure() -> None:
    metrics, remark = quality._metrics(replace(TEXTS, labels=(("x",), ("late",), ("dear",))), ANSWERS)
    assert metrics is None
    assert "does not know: 'x'" in remark


def test_only_dropping_refused_texts_keeps_labels_with_their_texts() -> None:
    kept = quality._only(TEXTS, [1, 2])
    assert (kept.texts, kept.labels) == (("b", "c"), (("dear",), ("late",)))


def test_a_model_that_classifies_nothing_is_measured_all_the_same(recorder: Recorder) -> None:
    model = Server(recorder.address).model("echo")
    assert quality.ask(recorder.address, model, TEXTS).texts == TEXTS
