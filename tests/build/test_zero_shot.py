"""Zero-shot classification answers what transformers' pipeline answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, pipeline

from tests.support.families import MAX_LENGTH, gate_texts, make
from tests.support.steps import encoder_of, logits_of, request
from tritext_build.checkpoint import open_checkpoint
from tritext_build.errors import BadCheckpoint
from tritext_build.runtime.requests import BadRequest
from tritext_build.runtime.zero_shot_classification.answers import Answers, label_scores
from tritext_build.runtime.zero_shot_classification.hypotheses import candidate_labels, hypotheses
from tritext_build.runtime.zero_shot_classification.rows import Rows
from tritext_build.tasks import TASKS
from tritext_build.tasks.task import TaskOptions
from tritext_build.tasks.zero_shot_classification import ZeroShotClassification, entailment_id

LABELS = ["travel", "cooking", "a complaint about billing", "日本語", "tränen 😭", ""]
NLI = {
    "entailment last": ("contradiction", "neutral", "entailment"),
    "entailment first": ("ENTAILMENT", "NEUTRAL", "CONTRADICTION"),
    "two labels": ("not_entailment", "entailment"),
}
FAMILIES = ("bert", "roberta", "deberta-v3")


class Served:
    """The two Python steps with the checkpoint's own model between them, and the pipeline."""

    def __init__(self, checkpoint: Path) -> None:
        self.model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        self.rows = Rows(encoder_of(checkpoint))
        entailment = next(
            i for name, i in self.model.config.label2id.items() if name.lower().startswith("entail")
        )
        self.answers = Answers(entailment_id=entailment)
        self.pipeline = pipeline("zero-shot-classification", str(checkpoint))

    def ask(self, text: str, labels: list[str], **parameters: Any) -> Any:
        asked = {"TEXT": [text], "CANDIDATE_LABELS": labels}
        (tensors,) = self.rows.encode([self.rows.read(request(asked, **parameters))])
        if isinstance(tensors, BadRequest):
            raise tensors
        assert tensors["TOKEN_COUNT"].shape == (len(tensors["input_ids"]),)
        logits = logits_of(self.model, tensors)
        ask = self.answers.read(request({**asked, "logits": logits}, **parameters))
        result = self.answers.answer(ask)["RESULT"]
        assert result.shape == (1,)
        return json.loads(result[0])


@pytest.fixture(
    scope="module",
    params=[
        *((family, "entailment last") for family in FAMILIES),
        *(("bert", kind) for kind in NLI if kind != "entailment last"),
    ],
    ids=str,
)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    family, kind = request.param
    folder = tmp_path_factory.mktemp("nli") / family
    return Served(make(folder, family=family, head="nli", labels=NLI[kind]))


def assert_equal(mine: Any, original: Any) -> None:
    assert mine["sequence"] == original["sequence"]
    np.testing.assert_allclose(mine["scores"], original["scores"], atol=1e-5)
    scores = dict(zip(original["labels"], original["scores"], strict=True))
    # Labels may change places only where their scores are as good as equal.
    np.testing.assert_allclose([scores[label] for label in mine["labels"]], original["scores"], atol=1e-5)


def test_answers_equal_the_pipelines_for_all_gate_texts(served: Served) -> None:
    for index, text in enumerate(filter(None, gate_texts())):
        multi_label = index % 2 == 0
        mine = served.ask(text, LABELS, multi_label=multi_label)
        assert_equal(mine, served.pipeline(text, LABELS, multi_label=multi_label))


@pytest.mark.parametrize(
    "labels",
    [["travel"], ["travel, cooking ,, home"], ["one", "one"], ["a, b", "c"], [str(i) for i in range(50)]],
)
@pytest.mark.parametrize("template", ["This example is {}.", "{}", "{{{}}}: dies hier", "{0}, yes {0}"])
def test_labels_and_templates_mean_what_they_mean_in_the_pipeline(
    served: Served, labels: list[str], template: str
) -> None:
    """One string is what a string is to the pipeline, several are a list."""
    text = gate_texts()[1]
    as_the_pipeline_takes_them = labels[0] if len(labels) == 1 else labels
    original = served.pipeline(text, as_the_pipeline_takes_them, hypothesis_template=template)
    mine = served.ask(text, labels, hypothesis_template=template)
    np.testing.assert_allclose(mine["scores"], original["scores"], atol=1e-5)
    assert sorted(mine["labels"]) == sorted(original["labels"])


def test_requests_encoded_together_are_encoded_as_alone(served: Served) -> None:
    asks = [
        served.rows.read(request({"TEXT": [text], "CANDIDATE_LABELS": LABELS[:n]}))
        for n, text in enumerate(gate_texts()[:5], 1)
    ]
    for ask, together in zip(asks, served.rows.encode(asks), strict=True):
        (alone,) = served.rows.encode([ask])
        assert not isinstance(alone, BadRequest)
        assert not isinstance(together, BadRequest)
        for name, array in alone.items():
            np.testing.assert_array_equal(together[name], array)


def test_token_counts_are_the_lengths_before_truncation(served: Served) -> None:
    text = max(gate_texts(), key=len)
    ask = served.rows.read(request({"TEXT": [text], "CANDIDATE_LABELS": LABELS}))
    (tensors,) = served.rows.encode([ask])
    tokenizer: Any = served.pipeline.tokenizer
    pairs = [(text, f"This example is {label}.") for label in LABELS]
    assert not isinstance(tensors, BadRequest)
    assert tensors["TOKEN_COUNT"].tolist() == [len(tokenizer(*pair)["input_ids"]) for pair in pairs]


def test_too_long_is_an_error_where_that_is_asked(served: Served) -> None:
    with pytest.raises(
        BadRequest, match=r"^TEXT with CANDIDATE_LABELS row \d has \d+ tokens, more than this model's 64; "
    ):
        served.ask("word " * 80, LABELS, truncation="error")
    assert served.ask("word", ["a", "b"], truncation="error")


def test_a_label_that_leaves_the_text_no_room_is_refused(served: Served) -> None:
    with pytest.raises(BadRequest, match=r"CANDIDATE_LABELS row 1 makes a hypothesis of .* leaves TEXT none"):
        served.ask("a text", ["travel", "very " * 80])


def test_every_length_of_hypothesis_is_encoded_or_refused(served: Served) -> None:
    """None makes the tokenizer fail, and none that it takes is refused."""
    tokenizer: Any = served.pipeline.tokenizer
    text = "a text that is cut " * 20
    for length in range(2, 70):
        labels = ["a", "a " * length]
        (encoded,) = served.rows.encode(
            [served.rows.read(request({"TEXT": [text], "CANDIDATE_LABELS": labels}))]
        )
        hypothesis = len(tokenizer(f"This example is {labels[1]}.", add_special_tokens=False)["input_ids"])
        room = MAX_LENGTH - tokenizer.num_special_tokens_to_add(pair=True)
        assert isinstance(encoded, BadRequest) == (hypothesis >= room)


def test_the_empty_text_which_the_pipeline_refuses_is_answered(served: Served) -> None:
    assert set(served.ask("", LABELS)["labels"]) == set(LABELS)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("contradiction", "neutral", "entailment"), 2),
        (("ENTAILMENT", "NEUTRAL", "CONTRADICTION"), 0),
        (("not_entailment", "Entails"), 1),
        (("LABEL_0", "LABEL_1"), None),
        (("not_entailment", "other"), None),
        ((), None),
    ],
)
def test_the_output_for_entailment_is_found_by_its_label(labels: tuple[str, ...], found: int | None) -> None:
    assert entailment_id({label: index for index, label in enumerate(labels)}) == found


@pytest.mark.parametrize("labels", [("calm", "cross"), ("entailment",)])
def test_a_checkpoint_without_entailment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: tuple[str, ...]
) -> None:
    task = ZeroShotClassification()
    monkeypatch.setitem(TASKS, task.name, task)
    checkpoint, _ = open_checkpoint(str(make(tmp_path / "other", head="nli", labels=labels)), task=task.name)
    with pytest.raises(BadCheckpoint, match="none says entailment against another"):
        task.blueprint(checkpoint, TaskOptions())


def test_blueprint_names_the_output_for_entailment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = ZeroShotClassification()
    monkeypatch.setitem(TASKS, task.name, task)
    checkpoint, _ = open_checkpoint(str(make(tmp_path / "nli", head="nli")), task=task.name)
    assert task.blueprint(checkpoint, TaskOptions()).answering == {"entailment_id": 2}


@pytest.mark.parametrize("labels", [[], [""], [" , ,"]])
def test_no_candidate_labels_are_refused(labels: list[str]) -> None:
    with pytest.raises(BadRequest, match="CANDIDATE_LABELS is empty"):
        candidate_labels(labels)


@pytest.mark.parametrize(
    "template",
    [
        "no place",
        "",
        "{",
        "}",
        "{x}",
        "{1}",
        "{} {}",
        "{} {0}",
        "{0.__class__}",
        "{0[0]}",
        "{:>999999999}",
        "{!r}",
        "{{}}",
        7,
        True,
    ],
)
def test_templates_without_exactly_the_labels_place_are_refused(template: object) -> None:
    with pytest.raises(BadRequest, match=r"hypothesis_template takes a text with \{\} where the label goes"):
        hypotheses(template, ["x"])


def test_labels_may_hold_braces() -> None:
    assert hypotheses("is {}", ["{}", "{x}"]) == ["is {}", "is {x}"]


@pytest.mark.parametrize("multi_label", ["maybe", 2, ""])
def test_multi_label_is_true_or_false(served: Served, multi_label: object) -> None:
    with pytest.raises(BadRequest, match="multi_label takes true or false"):
        served.ask("text", LABELS, multi_label=multi_label)


def test_large_logits_make_scores() -> None:
    logits = np.array([[1e4, -1e4], [1e4, 1e4]], np.float32)
    for multi_label in (False, True):
        assert np.isfinite(label_scores(logits, 0, multi_label=multi_label)).all()
    torch.testing.assert_close(
        torch.from_numpy(label_scores(logits, 0, multi_label=True)), torch.tensor([1.0, 0.5])
    )
