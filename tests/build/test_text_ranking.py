"""Text ranking answers what sentence-transformers' CrossEncoder answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification

from tests.support.families import gate_texts, make
from tests.support.steps import encoder_of, logits_of, request
from tritext_build.checkpoint import open_checkpoint
from tritext_build.errors import BadCheckpoint
from tritext_build.runtime.requests import BadRequest
from tritext_build.runtime.text_ranking.answers import Answers, ranking
from tritext_build.runtime.text_ranking.rows import Rows
from tritext_build.tasks import TASKS
from tritext_build.tasks.task import TaskOptions
from tritext_build.tasks.text_ranking import TextRanking

sentence_transformers = pytest.importorskip(
    "sentence_transformers", reason="sentence-transformers is not installed, and it is the oracle here"
)

ACTIVATIONS = {"sigmoid": "torch.nn.modules.activation.Sigmoid", "none": "torch.nn.modules.linear.Identity"}
KINDS = [("bert", "sigmoid"), ("roberta", "none"), ("xlm-roberta", "sigmoid"), ("modernbert", "none")]


class Served:
    """The two Python steps with the checkpoint's own model between them, and the CrossEncoder."""

    def __init__(self, checkpoint: Path, function: str, *, prompt: str = "") -> None:
        self.model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        self.rows = Rows(encoder_of(checkpoint), prompt=prompt)
        self.answers = Answers(function_to_apply=function)
        self.original = sentence_transformers.CrossEncoder(str(checkpoint), device="cpu")

    def ask(self, query: str, texts: list[str], **parameters: Any) -> tuple[Any, Any]:
        asked = request({"QUERY": [query], "TEXTS": texts}, **parameters)
        (tensors,) = self.rows.encode([self.rows.read(asked)])
        if isinstance(tensors, BadRequest):
            raise tensors
        assert tensors["TOKEN_COUNT"].shape == (len(texts),)
        logits = request({"logits": logits_of(self.model, tensors)}, **parameters)
        answer = self.answers.answer(self.answers.read(logits))
        assert answer["SCORES"].dtype == np.float32
        assert answer["RESULT"].shape == (1,)
        return answer["SCORES"], json.loads(answer["RESULT"][0])


@pytest.fixture(scope="module", params=KINDS, ids=str)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    family, function = request.param
    activation = {"activation_fn": ACTIVATIONS[function]}
    folder = tmp_path_factory.mktemp("cross-encoder") / family
    checkpoint = make(folder, family=family, head="cross-encoder", sentence_transformers=activation)
    return Served(checkpoint, function)


def test_scores_and_ranks_equal_the_cross_encoders_for_all_gate_texts(served: Served) -> None:
    """Each text as a passage, and some of every length as queries."""
    texts = gate_texts()
    for query in sorted(texts, key=len)[:: len(texts) // 3]:
        scores, result = served.ask(query, texts)
        np.testing.assert_allclose(
            scores, served.original.predict([(query, text) for text in texts]), atol=1e-5
        )
        original = served.original.rank(query, texts)
        np.testing.assert_allclose(
            [hit["score"] for hit in result], [hit["score"] for hit in original], atol=1e-5
        )
        assert {hit["corpus_id"]: hit["score"] for hit in result} == dict(enumerate(scores.tolist()))


@pytest.mark.parametrize("top_k", [1, 3, 12, 13, 500, "2", "all"])
def test_top_k_keeps_the_best(served: Served, top_k: int | str) -> None:
    texts = gate_texts()[:12]
    most = None if top_k == "all" else int(top_k)
    scores, result = served.ask("keyboard", texts, top_k=top_k)
    original = served.original.rank("keyboard", texts, top_k=most)
    assert [hit["corpus_id"] for hit in result] == [hit["corpus_id"] for hit in original]
    assert len(scores) == len(texts)


def test_equal_scores_keep_the_order_of_the_texts() -> None:
    ranked = ranking(np.array([0.5, 0.9, 0.5, 0.9], np.float32))
    assert [hit["corpus_id"] for hit in ranked] == [1, 3, 0, 2]


def test_a_prompt_stands_in_front_of_the_query(tmp_path: Path) -> None:
    checkpoint = make(tmp_path / "prompted", head="cross-encoder")
    served, texts = Served(checkpoint, "sigmoid", prompt="query: "), gate_texts()[:9]
    scores, _ = served.ask("Lost keyboard?", texts)
    original = served.original.predict([("Lost keyboard?", text) for text in texts], prompt="query: ")
    np.testing.assert_allclose(scores, original, atol=1e-5)


def test_requests_encoded_together_are_encoded_as_alone(served: Served) -> None:
    texts = gate_texts()
    asks = [served.rows.read(request({"QUERY": [texts[n]], "TEXTS": texts[n : 2 * n]})) for n in range(1, 6)]
    for ask, together in zip(asks, served.rows.encode(asks), strict=True):
        (alone,) = served.rows.encode([ask])
        assert not isinstance(alone, BadRequest)
        assert not isinstance(together, BadRequest)
        for name, array in alone.items():
            np.testing.assert_array_equal(together[name], array)


def test_no_texts_are_refused(served: Served) -> None:
    with pytest.raises(BadRequest, match="TEXTS is empty"):
        served.ask("query", [])


def test_bytes_that_are_no_text_are_refused_by_their_row(served: Served) -> None:
    with pytest.raises(BadRequest, match="TEXTS row 1 is not valid UTF-8"):
        served.rows.read(request({"QUERY": ["q"], "TEXTS": ["fine", b"\xff"]}))


def test_too_long_is_an_error_where_that_is_asked(served: Served) -> None:
    with pytest.raises(
        BadRequest, match=r"^QUERY with TEXTS row 1 has \d+ tokens, more than this model's 64; "
    ):
        served.ask("q", ["short", "word " * 80], truncation="error")
    assert len(served.ask("q", ["short"], truncation="error")[0]) == 1


@pytest.mark.parametrize("top_k", [0, -1, "many", True, ""])
def test_top_k_is_a_number_from_one_up_or_all(served: Served, top_k: object) -> None:
    with pytest.raises(BadRequest, match="top_k takes a whole number from 1 up, or 'all'"):
        served.ask("q", ["a"], top_k=top_k)


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> TextRanking:
    ranking_task = TextRanking()
    monkeypatch.setitem(TASKS, ranking_task.name, ranking_task)
    return ranking_task


def test_a_checkpoint_with_several_outputs_is_refused(tmp_path: Path, task: TextRanking) -> None:
    checkpoint, _ = open_checkpoint(str(make(tmp_path / "other")), task=task.name)
    with pytest.raises(BadCheckpoint, match="it gives 3 values for a pair of texts, and a ranking needs one"):
        task.blueprint(checkpoint, TaskOptions())


def test_function_and_prompt_are_those_that_the_checkpoint_declares(
    tmp_path: Path, task: TextRanking
) -> None:
    folder = make(tmp_path / "prompted", head="cross-encoder")
    encoder = sentence_transformers.CrossEncoder(
        str(folder), device="cpu", prompts={"query": "query: "}, default_prompt_name="query"
    )
    encoder.save(str(tmp_path / "saved"))
    blueprint = task.blueprint(open_checkpoint(str(tmp_path / "saved"), task=task.name)[0], TaskOptions())
    assert blueprint.rows == {"prompt": "query: "}
    assert blueprint.answering == {"function_to_apply": "sigmoid"}
