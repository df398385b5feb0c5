"""Law: a version's own steps around the checkpoint's torch model answer what transformers' pipeline does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.families import gate_texts, make
from tritext_build import TaskOptions
from tritext_build.checkpoint import open_checkpoint
from tritext_build.pipelines import pipeline_answers
from tritext_build.unserved import RefusedRequest, Unserved

LENGTH = 48
LABELS = ["early", "late", "never"]


def inputs_of(**strings: list[str]) -> dict[str, Any]:
    return {name: np.array([text.encode() for text in texts], np.object_) for name, texts in strings.items()}


def both(folder: Path, task: str, **options: Any) -> tuple[Unserved, Any]:
    checkpoint, model = open_checkpoint(str(folder), task=task)
    unserved = Unserved(checkpoint, model, max_length=LENGTH, options=TaskOptions(**options))
    return unserved, pipeline_answers(checkpoint, model, max_length=LENGTH)  # type: ignore[arg-type]


def result(unserved: Unserved, inputs: dict[str, Any], **parameters: Any) -> Any:
    found = unserved.infer(inputs, parameters, outputs=("RESULT",))["RESULT"]
    return json.loads(found.reshape(-1)[0])


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_labels_are_the_pipelines(tmp_path: Path, family: str) -> None:
    unserved, pipe = both(make(tmp_path / "it", family=family), "text-classification")
    for text in gate_texts()[:60]:
        answer, expected = result(unserved, inputs_of(TEXT=[text]), top_k="all"), pipe(text, top_k="all")
        assert [each["label"] for each in answer] == [each["label"] for each in expected]
        assert [each["score"] for each in answer] == pytest.approx(
            [each["score"] for each in expected], abs=1e-5
        )


def test_labels_of_pairs_are_the_pipelines(tmp_path: Path) -> None:
    unserved, pipe = both(make(tmp_path / "it", head="nli"), "text-classification", pairs=True)
    answer = result(unserved, inputs_of(TEXT=["It rains."], TEXT_PAIR=["It is wet."]), top_k="all")
    expected = pipe(("It rains.", "It is wet."), top_k="all")
    assert [each["score"] for each in answer] == pytest.approx([each["score"] for each in expected], abs=1e-5)


def test_candidate_labels_are_scored_as_the_pipeline_does(tmp_path: Path) -> None:
    unserved, pipe = both(make(tmp_path / "it", head="nli"), "zero-shot-classification")
    for multi_label in (False, True):
        inputs = inputs_of(TEXT=["It rains."], CANDIDATE_LABELS=LABELS)
        answer = result(unserved, inputs, multi_label=multi_label)
        expected = pipe(("It rains.", LABELS), multi_label=multi_label)
        assert answer["labels"] == expected["labels"]
        assert answer["scores"] == pytest.approx(expected["scores"], abs=1e-5)


def test_what_the_graph_answers_directly_has_the_name_that_clients_know(tmp_path: Path) -> None:
    unserved, _ = both(make(tmp_path / "it"), "text-classification")
    found = unserved.infer(inputs_of(TEXT=["a", "text of more words"]), {}, outputs=("PROBABILITIES",))
    assert found["PROBABILITIES"].shape == (2, 3)
    assert found["PROBABILITIES"].sum(axis=1) == pytest.approx([1, 1])


def test_what_the_served_model_would_refuse_is_one_sentence(tmp_path: Path) -> None:
    unserved, _ = both(make(tmp_path / "it"), "text-classification")
    with pytest.raises(RefusedRequest, match=r"TEXT row 0 has .* tokens"):
        result(unserved, inputs_of(TEXT=["word " * 99]), truncation="error")
