"""Explanations are the Shapley values of the model's logits: Captum's, and complete, whatever the text and the tokenizer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from captum.attr import ShapleyValues  # type: ignore[import-untyped]
from transformers import AutoModelForSequenceClassification

from tests.build.test_model_config import version as make_version
from tests.build.test_publish import snapshot, stage
from tests.support.families import make
from tests.support.steps import encoder_of, logits_of
from tests.support.steps import request as request_of
from tritext_build.errors import CannotExplain
from tritext_build.explaining import Explaining, explaining_of
from tritext_build.layout import ModelVersion
from tritext_build.publish import publish, staging
from tritext_build.runtime.explanation.asking import Ask, Reader
from tritext_build.runtime.explanation.explaining import Explainer
from tritext_build.runtime.explanation.shapley import Effort, Game, shares
from tritext_build.runtime.explanation.words import Word, grouped, words_of
from tritext_build.runtime.requests import BadRequest, Tensors
from tritext_build.runtime.text_classification.rows import Rows
from tritext_build.tasks.task import RUNTIME

LABELS = ("calm", "cross", "curious")
MASK = 4
SHORT = "where is my parcel"
LONG = "the parcel that i ordered from your shop three weeks ago has not come , and nobody answers my letters"


class Subject:
    """A checkpoint, explained without a server: the network is the original model."""

    def __init__(self, checkpoint: Path) -> None:
        self.model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        self.encoder = encoder_of(checkpoint)
        self.explainer = Explainer(
            self.encoder, labels=LABELS, function_to_apply="softmax", absent_token_id=MASK
        )

    def network(self, rows: dict[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        return logits_of(self.model, rows)

    def explain(self, text: Any, *, label: int | None = None, samples: int | None = None) -> dict[str, Any]:
        ask = Ask(line=text, truncation="truncate", label=label, samples=samples)
        tensors = self.explainer.explain(ask, self.network)
        assert not isinstance(tensors, BadRequest), tensors
        document: dict[str, Any] = json.loads(tensors["RESULT"][0, 0])
        return document


@pytest.fixture(scope="module")
def subject(checkpoint: Path) -> Iterator[Subject]:
    # Hundreds of tiny runs: threads would wait for each other longer than they compute.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Subject(checkpoint)
    torch.set_num_threads(threads)


def values(document: dict[str, Any]) -> npt.NDArray[np.float64]:
    return np.array([entry["attribution"] for entry in document["attributions"]])


def captums(subject: Subject, text: str, label: int) -> npt.NDArray[np.float64]:
    """Captum's exact values of the same words, with the mask token as its baseline."""
    encoded = subject.encoder.encode([text], offsets=True)
    tensors = {name: torch.from_numpy(array) for name, array in encoded.inputs.items()}
    ids = tensors.pop("input_ids")
    words = words_of(encoded.encodings[0], [text])
    # What belongs to no word forms a player of its own, who never leaves: it has no other value than its own.
    members = torch.zeros_like(ids)
    for number, word in enumerate(words, 1):
        members[0, list(word.tokens)] = number
    baseline = torch.where(members == 0, ids, torch.full_like(ids, MASK))

    def logit(rows: torch.Tensor) -> torch.Tensor:
        arrays = {"input_ids": rows, **{name: t.expand(len(rows), -1) for name, t in tensors.items()}}
        return torch.from_numpy(logits_of(subject.model, {name: t.numpy() for name, t in arrays.items()}))

    found = ShapleyValues(logit).attribute(
        ids, baselines=baseline, target=label, feature_mask=members, perturbations_per_eval=60
    )
    places = [word.tokens[0] for word in words]
    return np.asarray(found[0, places].numpy(), np.float64)


@pytest.mark.filterwarnings("ignore")  # of Captum's own imports and advice
@pytest.mark.parametrize("label", range(3))
def test_every_set_of_a_short_text_s_words_gives_captum_s_exact_values(subject: Subject, label: int) -> None:
    document = subject.explain(SHORT, label=label)
    assert document["exact"]
    assert document["label"] == LABELS[label]
    np.testing.assert_allclose(values(document), captums(subject, SHORT, label), atol=2e-5)


@pytest.mark.parametrize(
    "text", ["", "  ", SHORT, LONG, "🙈🙈 لماذا تأخر الطرد؟", "שלום עולם", "x" * 10_000, "a b " * 5_000]
)
def test_attributions_add_up_to_the_text_s_logit_less_the_masked_text_s(subject: Subject, text: str) -> None:
    document = subject.explain(text)
    assert values(document).sum() == pytest.approx(document["value"] - document["baseline"], abs=1e-9)
    assert [text[entry["start"] : entry["end"]] for entry in document["attributions"]] == [
        entry["word"] for entry in document["attributions"]
    ]


def test_value_and_score_are_the_model_s_own(subject: Subject) -> None:
    document = subject.explain(LONG)
    logits = logits_of(subject.model, subject.encoder.encode([LONG]).inputs)[0]
    best = int(logits.argmax())
    assert document["label"] == LABELS[best]
    assert document["value"] == pytest.approx(logits[best], abs=1e-5)
    assert document["score"] == pytest.approx(np.exp(logits[best]) / np.exp(logits).sum(), abs=1e-6)


def test_the_same_question_gets_the_same_answer(subject: Subject) -> None:
    assert subject.explain(LONG, samples=4) == subject.explain(LONG, samples=4)


def test_the_words_of_a_pair_say_which_text_they_are_of(subject: Subject) -> None:
    document = subject.explain(("where is it", "it is here"))
    assert [entry["input"] for entry in document["attributions"]] == ["TEXT"] * 3 + ["TEXT_PAIR"] * 3
    assert [entry["start"] for entry in document["attributions"]] == [0, 6, 9, 0, 3, 6]


def test_a_text_that_is_cut_says_so_and_more_samples_than_fit_are_refused(subject: Subject) -> None:
    assert subject.explain("a b " * 500)["truncated"]
    assert not subject.explain(SHORT)["truncated"]
    ask = Ask(line=LONG, truncation="truncate", label=None, samples=10_000)
    refused = subject.explainer.explain(ask, subject.network)
    assert isinstance(refused, BadRequest)
    assert "samples takes at most" in str(refused)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"label": "merry"},
            r"label takes one of this model's labels \('calm', 'cross', 'curious'\), not 'merry'",
        ),
        ({"samples": 0}, "samples takes a whole number from 1 up, not 0"),
        ({"truncation": "perhaps"}, "truncation takes 'truncate' or 'error', not 'perhaps'"),
    ],
)
def test_a_parameter_that_is_not_what_it_must_be_is_named(
    subject: Subject, parameters: dict[str, Any], sentence: str
) -> None:
    reader = Reader(Rows(subject.encoder, pairs=False), LABELS)
    with pytest.raises(BadRequest, match=sentence):
        reader.read(request_of({"TEXT": ["hello"]}, **parameters))


# ---- values


def worth_of(weights: npt.NDArray[np.float64]) -> Any:
    """A game in which every pair of neighbours is worth something more together."""
    return lambda teams: teams @ weights + 0.5 * (teams[:, :-1] & teams[:, 1:]).sum(axis=1)


@pytest.mark.parametrize("players", [1, 2, 5, 9, 12, 30, 64])
def test_estimates_are_unbiased_complete_and_within_their_budget(players: int) -> None:
    weights = np.linspace(-1, 1, players)
    # Half of what a pair of neighbours is worth belongs to each of the two.
    truth = weights + 0.25 * (np.arange(players) > 0) + 0.25 * (np.arange(players) < players - 1)
    game = Game(players, worth_of(weights), of_all=float(worth_of(weights)(np.ones((1, players), bool))[0]))
    effort = Effort.of(players, teams=512)
    found = shares(game, players, effort)
    assert found.teams <= max(512, effort.teams(players)) <= 512 + 2
    np.testing.assert_allclose(found.values, truth, atol=1e-12 if effort.exact else 0.3)
    assert found.values.sum() == pytest.approx(truth.sum())
    assert found.error == 0 if effort.exact else found.error < 0.15  # type: ignore[operator]


@pytest.mark.parametrize(("samples", "orders"), [(1, 2), (2, 2), (3, 4), (None, 512 // 29 // 2 * 2)])
def test_orders_come_in_pairs(samples: int | None, orders: int) -> None:
    assert Effort.of(30, teams=512, orders=samples).orders == orders


# ---- words


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "albert", "modernbert", "deberta-v3"])
def test_words_cover_a_text_in_order_and_without_overlap(tmp_path: Path, family: str) -> None:
    text = (
        "  Where's my par-cel?? 👩‍🚀 https://example.org/a/very/long/path/indeed?x=1 ขอบคุณมากครับสำหรับทุกอย่าง"
    )
    encoder = encoder_of(make(tmp_path / family, family=family, max_length=256))
    found = words_of(encoder.encode([text], offsets=True).encodings[0], [text])
    ends = [0]
    for word in found:
        assert ends[-1] <= word.start < word.end
        ends.append(word.end)
    assert text[found[0].start :].startswith("Where")
    covered = {place for word in found for place in range(word.start, word.end)}
    # Some normalizers drop accents and other marks, which then belong to no token.
    assert {place for place, character in enumerate(text) if character.isalnum()} <= covered
    assert all(text[word.start : word.end] == text[word.start : word.end].strip() for word in found)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_contractions_are_words_and_punctuation_stands_for_itself(tmp_path: Path, family: str) -> None:
    text = "I don't know, l\u2019homme isn't"
    encoder = encoder_of(make(tmp_path / family, family=family, max_length=256))
    found = words_of(encoder.encode([text], offsets=True).encodings[0], [text])
    words = [text[word.start : word.end] for word in found]
    assert words == ["I", "don't", "know", ",", "l\u2019homme", "isn't"]


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (64, 0), (65, 0), (300, 0), (300, 1), (1, 300), (40, 40)]
)
def test_a_long_text_s_words_are_taken_together_in_order_and_never_across_a_pair(
    first: int, second: int
) -> None:
    words = [
        Word(tokens=(place,), side=side, start=place, end=place + 1)
        for side, count in ((0, first), (1, second))
        for place in range(count)
    ]
    groups = grouped(words, 64)
    assert len(groups) <= 64
    assert len(groups) > min(len(words), 64) / 2 or not words
    for side, count in ((0, first), (1, second)):
        tokens = [token for group in groups if group.side == side for token in group.tokens]
        assert tokens == list(range(count))


# ---- what is built


def explained_version(number: int = 7, *, explained: bool = True) -> ModelVersion:
    plain = make_version("torchscript")
    fields = {name: getattr(plain, name) for name in ModelVersion.__dataclass_fields__}
    explaining = Explaining(absent_token_id=MASK) if explained else None
    return ModelVersion(**{**fields, "version": number, "explaining": explaining})


def test_explaining_adds_one_model_and_changes_nothing_else() -> None:
    plain, explained = make_version("torchscript").files(), explained_version().files()
    added = {path: content for path, content in explained.items() if path not in plain}
    assert plain.items() <= explained.items()
    assert {path.parts[0] for path in added} == {"moods_explain"}
    assert set(explained_version().models) - set(make_version("torchscript").models) == {"moods_explain"}


def test_what_explains_is_the_typed_and_tested_code_and_lacks_no_import() -> None:
    written = {
        PurePosixPath(*path.parts[2:]): content
        for path, content in explained_version().files().items()
        if path.parts[0] == "moods_explain" and path.suffix == ".py"
    }
    for inside, content in written.items():
        source = "explain.py" if inside.name == "model.py" else inside
        assert content == (RUNTIME / source).read_bytes()
        for dots, module in re.findall(r"^from (\.+)([\w.]+) import", content.decode(), re.MULTILINE):
            base = inside.parent if len(dots) == 1 else inside.parent.parent
            assert base / f"{module.replace('.', '/')}.py" in written, f"{inside} imports {dots}{module}"


def publish_one(repository: Path, version: ModelVersion) -> None:
    with staging(repository) as staged:
        stage(version, staged)
        publish(version, staged, repository)


def test_explanations_that_a_killed_build_left_do_not_pass_for_a_part_of_the_next(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    publish_one(repository, explained_version(1))
    assert "moods_explain/1/model.py" in snapshot(repository)
    (repository / "moods_tokenizer/1/manifest.json").unlink()
    publish_one(repository, explained_version(1, explained=False))
    assert not any(path.startswith("moods_explain/1/") for path in snapshot(repository))


def test_only_classifiers_are_explained(tmp_path: Path) -> None:
    from tritext_build.checkpoint import open_checkpoint

    checkpoint, _ = open_checkpoint(str(make(tmp_path / "masks", head="fill-mask")))
    with pytest.raises(
        CannotExplain, match="fill-mask cannot be explained, only those of text-classification"
    ):
        explaining_of(checkpoint)


def test_a_refusal_is_the_tokenizer_step_s_own(subject: Subject) -> None:
    ask = Ask(line="a b " * 500, truncation="error", label=None, samples=None)
    refused: Tensors | BadRequest = subject.explainer.explain(ask, subject.network)
    assert "TEXT row 0 has 1002 tokens, more than this model's" in str(refused)
