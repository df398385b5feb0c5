"""Filling masks answers what transformers' pipeline answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline

from tests.support.families import FAMILIES, MAX_LENGTH, gate_texts, make
from tests.support.steps import encoder_of, model_inputs, request
from tritext_build.runtime.fill_mask.answers import MOST_FILLINGS, Answers, best_tokens
from tritext_build.runtime.fill_mask.rows import Rows
from tritext_build.runtime.requests import BadRequest
from tritext_build.runtime.vocabulary import Vocabulary
from tritext_build.tasks.fill_mask import OnePlace, cleans_up

NAUGHTY = Path(__file__).parents[3] / "shared" / "data" / "blns" / "blns.json"
KINDS = ("bert", "roberta", "xlm-roberta")
CUT = {"tokenizer_kwargs": {"truncation": True}}
"""The pipeline's own default fails on texts longer than its model."""


class Served:
    """The two Python steps with the checkpoint's own model between them, and the pipeline."""

    def __init__(self, checkpoint: Path) -> None:
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        self.mask: str = tokenizer.mask_token
        self.tokenizer = tokenizer
        self.model = AutoModelForMaskedLM.from_pretrained(checkpoint).eval()
        self.pipeline: Any = pipeline("fill-mask", str(checkpoint))
        self.rows = Rows(encoder_of(checkpoint), mask_token=self.mask)
        self.answers = Answers(pad_token_id=tokenizer.pad_token_id, tokenizer=checkpoint / "tokenizer.json")

    def encode(self, texts: list[str], **parameters: Any) -> dict[str, Any]:
        asked = request({"TEXT": np.array([[text.encode()] for text in texts], np.object_)}, **parameters)
        (tensors,) = self.rows.encode([self.rows.read(asked)])
        if isinstance(tensors, BadRequest):
            raise tensors
        with torch.inference_mode():
            logits = self.model(**model_inputs(tensors)).logits.numpy()
        position = tensors["mask_position"]
        return {**tensors, "logits": logits[np.arange(len(position)), position[:, 0]]}

    def ask(self, texts: list[str], **parameters: Any) -> list[Any]:
        ask = self.answers.read(request(self.encode(texts, **parameters), **parameters))
        result = self.answers.answer(ask)["RESULT"]
        assert result.shape == (len(texts), 1)
        return [json.loads(document) for document in result[:, 0]]

    def masked(self, text: str, *places: float) -> str:
        """The text with a mask at each place, from 0, its start, to 1, its end."""
        for place in sorted(places, reverse=True):
            cut = round(place * len(text))
            text = f"{text[:cut]} {self.mask} {text[cut:]}"
        return text


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small lose more by sharing the work than they gain, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("filler") / request.param
    return Served(make(folder, family=request.param, head="fill-mask"))


def assert_equal(mine: list[Any], original: list[Any]) -> None:
    """Keys and their order, tokens and theirs, texts; scores but for the last digits."""
    if mine and isinstance(mine[0], list):
        assert len(mine) == len(original)
        for one, other in zip(mine, original, strict=True):
            assert_equal(one, other)
        return
    assert [list(filling) for filling in mine] == [list(filling) for filling in original]
    np.testing.assert_allclose(
        [filling["score"] for filling in mine], [filling["score"] for filling in original], atol=1e-5
    )
    assert [{**filling, "score": None} for filling in mine] == [
        {**filling, "score": None} for filling in original
    ]


def assert_all_equal(served: Served, texts: list[str], *, batch: int = 16) -> None:
    """In batches of mixed lengths."""
    for first in range(0, len(texts), batch):
        some = texts[first : first + batch]
        for text, mine in zip(some, served.ask(some), strict=True):
            assert_equal(mine, served.pipeline(text, **CUT))


def fitting(served: Served, texts: list[str], *places: float) -> list[str]:
    """The texts with masks, without those whose masks would be cut off."""
    texts = [served.masked(text, *places) for text in texts]
    return [
        text for text in texts if max(places) < 0.1 or len(served.tokenizer(text)["input_ids"]) <= MAX_LENGTH
    ]


def test_fillings_equal_the_pipelines_for_all_gate_texts(served: Served) -> None:
    """With the mask in front, where nothing is too long for it, and in the middle."""
    texts = gate_texts()
    assert_all_equal(served, fitting(served, texts[::2], 0))
    assert_all_equal(served, fitting(served, texts[1::2], 0.5))


def test_several_masks_are_filled_each_by_itself(served: Served) -> None:
    texts = fitting(served, gate_texts()[:60], 0.2, 0.6, 1)
    assert len(texts) > 9
    assert_all_equal(
        served, [*texts, served.masked("one", 1), served.mask * 3, f"{served.mask} {served.mask}"]
    )


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the big list of naughty strings is not beside this project")
def test_fillings_equal_the_pipelines_for_hostile_strings(served: Served) -> None:
    assert_all_equal(served, fitting(served, json.loads(NAUGHTY.read_text(encoding="utf-8")), 0), batch=64)


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(KINDS)))
def test_fillings_equal_the_pipelines_for_every_family(tmp_path: Path, family: str) -> None:
    served = Served(make(tmp_path / family, family=family, head="fill-mask"))
    assert_all_equal(served, fitting(served, gate_texts(), 0))
    assert_all_equal(served, fitting(served, gate_texts()[:60], 0.3, 0.7))


@pytest.mark.parametrize("top_k", [1, 2, 17, "3", 500])
def test_top_k_is_the_number_of_fillings(served: Served, top_k: Any) -> None:
    text = served.masked(gate_texts()[1], 0)
    assert_equal(served.ask([text], top_k=top_k)[0], served.pipeline(text, top_k=int(top_k), **CUT))


def test_more_than_the_vocabulary_is_all_of_it(served: Served) -> None:
    fillings = served.ask([served.masked("a text", 0.5)], top_k=100_000)[0]
    assert sorted(filling["token"] for filling in fillings) == list(range(served.model.config.vocab_size))


@pytest.mark.parametrize(
    "targets",
    [
        ["a"],
        ["the", "a", "the"],
        ["unheard-of words", "Ω", "the"],
        ["", "e"],
        ["n", "e", "t", "s", "i", "a", "r"],
        ["MASK"],
        ["🤷🏽"],
    ],
)
@pytest.mark.filterwarnings("ignore:The specified target token")
def test_targets_mean_what_they_mean_in_the_pipeline(served: Served, targets: list[str]) -> None:
    """What is no token of the vocabulary stands for the first token that it is made of."""
    for masks in ((0.5,), (0.1, 0.9)):
        text = served.masked("a short text", *masks)
        for top_k in (2, 5):
            original = served.pipeline(text, targets=targets, top_k=top_k, **CUT)
            assert_equal(served.ask([text], targets=json.dumps(targets), top_k=top_k)[0], original)


@pytest.mark.parametrize("targets", [[], [""], ["", ""]])
def test_targets_without_a_token_are_refused(served: Served, targets: list[str]) -> None:
    with pytest.raises(BadRequest, match="targets takes words of which a token can be made, not"):
        served.ask([served.masked("a", 1)], targets=json.dumps(targets))


def test_requests_encoded_together_are_encoded_as_alone(served: Served) -> None:
    """Also where some are refused and some name targets."""
    texts = [served.masked(text, 0) for text in gate_texts()[:30]]
    some: list[tuple[list[str], dict[str, Any]]] = [
        (texts[:3], {}),
        (["no mask"], {}),
        ([served.masked(texts[3], 0.1)], {"targets": '["a", "b"]'}),
        (["word " * 80], {"truncation": "error"}),
        (texts[5:], {}),
    ]
    asks = [served.rows.read(request({"TEXT": asked}, **parameters)) for asked, parameters in some]
    for ask, together in zip(asks, served.rows.encode(asks), strict=True):
        (alone,) = served.rows.encode([ask])
        if isinstance(alone, BadRequest) or isinstance(together, BadRequest):
            assert str(alone) == str(together)
            continue
        assert alone.keys() == together.keys()
        for name, array in alone.items():
            np.testing.assert_array_equal(together[name], array)


def test_token_counts_are_the_lengths_before_truncation(served: Served) -> None:
    texts = [served.masked(text, 0) for text in gate_texts()]
    tensors = served.encode(texts)
    assert tensors["TOKEN_COUNT"].tolist() == [[len(served.tokenizer(text)["input_ids"])] for text in texts]


def test_a_text_without_a_mask_is_refused_by_its_row(served: Served) -> None:
    with pytest.raises(BadRequest, match=r"^TEXT row 1 has no mask token; write .+ where a word is to be"):
        served.ask([served.masked("a", 1), "none", served.masked("b", 0)])


@pytest.mark.parametrize("places", [(1,), (0, 1)])
def test_a_mask_that_would_be_cut_off_is_refused_by_its_row(
    served: Served, places: tuple[float, ...]
) -> None:
    """Even where another one is left: an answer short of one mask would be taken for the answer to all."""
    with pytest.raises(BadRequest, match=f"^TEXT row 0 has a mask token beyond the {MAX_LENGTH} tokens"):
        served.ask([served.masked("word " * 80, *places)])


def test_too_long_is_an_error_where_that_is_asked(served: Served) -> None:
    with pytest.raises(BadRequest, match=r"^TEXT row 0 has \d+ tokens, more than this model's 64; shorten"):
        served.ask([served.masked("word " * 80, 0)], truncation="error")
    assert served.ask([served.masked("word", 0)], truncation="error")


@pytest.mark.parametrize("top_k", [0, -1, "all", True, ""])
def test_top_k_is_a_number_from_one_up(served: Served, top_k: object) -> None:
    with pytest.raises(BadRequest, match="top_k takes a whole number from 1 up, not"):
        served.ask([served.masked("a", 1)], top_k=top_k)


def test_more_fillings_than_are_answered_at_once_are_refused(served: Served) -> None:
    texts = [served.masked("a", 1)] * (MOST_FILLINGS // 500 + 1)
    with pytest.raises(BadRequest, match="lower the parameter top_k, or send fewer texts"):
        served.ask(texts, top_k=500)


def test_no_text_is_refused(served: Served) -> None:
    with pytest.raises(BadRequest, match="TEXT is empty"):
        served.ask([])


def test_spaces_are_cleaned_up_where_the_tokenizer_does(tmp_path: Path) -> None:
    checkpoint = make(tmp_path / "tidy", head="fill-mask")
    settings = checkpoint / "tokenizer_config.json"
    document = {**json.loads(settings.read_text()), "clean_up_tokenization_spaces": True}
    settings.write_text(json.dumps(document))
    served = Served(checkpoint)
    assert cleans_up(served.tokenizer)
    text = served.masked("It 's not done , is n't it ? ' No ' . I 'm sure they 've gone !", 0.5)
    assert served.ask([text])[0] != served.pipeline(text)
    served.answers = Answers(
        pad_token_id=0, clean_up=cleans_up(served.tokenizer), tokenizer=checkpoint / "tokenizer.json"
    )
    assert_equal(served.ask([text])[0], served.pipeline(text))


def test_large_logits_make_scores_and_equal_ones_keep_their_order() -> None:
    best, scores = best_tokens(np.array([-1e4, 1e4, 9990, 1e4, 9990], np.float32), None, 3)
    assert best.tolist() == [1, 3, 2]
    np.testing.assert_allclose(scores, [0.5, 0.5, np.exp(-10) / 2], rtol=1e-3)


@pytest.mark.parametrize("bpe_too", [False, True])
def test_bpe_is_cleaned_up_only_where_its_tokenizer_insists(tmp_path: Path, *, bpe_too: bool) -> None:
    checkpoint = make(tmp_path / "bpe", family="roberta", head="fill-mask")
    tokenizer: Any = AutoTokenizer.from_pretrained(
        checkpoint,
        clean_up_tokenization_spaces=True,
        clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output=bpe_too,
    )
    ids = tokenizer("so ?", add_special_tokens=False)["input_ids"]
    assert cleans_up(tokenizer) == (tokenizer.decode(ids).strip() == "so?") == bpe_too


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_one_place_of_a_row_has_the_logits_that_it_has_among_all(tmp_path: Path, family: str) -> None:
    checkpoint = make(tmp_path / family, family=family, head="fill-mask")
    model = AutoModelForMaskedLM.from_pretrained(checkpoint).eval()
    encoder = encoder_of(checkpoint)
    inputs = model_inputs(encoder.encode(gate_texts()[:8]).inputs)
    positions = torch.arange(8).reshape(-1, 1)
    with torch.inference_mode():
        everywhere = model(**inputs).logits
        there = OnePlace(model)(**inputs, mask_position=positions).logits
        again = model(**inputs).logits
    torch.testing.assert_close(there[:, 0], everywhere[torch.arange(8), positions[:, 0]])
    torch.testing.assert_close(again, everywhere)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_vocabulary_reads_as_its_tokenizer(tmp_path: Path, family: str) -> None:
    """Special tokens, bytes that are no character, ids without a token, and the empty list among it."""
    tokenizer: Any = FAMILIES[family].tokenizer(
        **FAMILIES[family].vocabulary(), **FAMILIES[family].tokenizer_settings
    )
    tokenizer.add_tokens(["<<added>>", " "])
    tokenizer.save_pretrained(tmp_path)
    vocabulary = Vocabulary.from_file(tmp_path / "tokenizer.json")
    generator = np.random.default_rng(0)
    for length in (0, 1, 2, 5, 50):
        ids = generator.integers(0, len(tokenizer) + 3, length).tolist()
        for skip in (False, True):
            mine = vocabulary.join(vocabulary.strings(ids, skip_special=skip))
            assert mine == tokenizer.decode(ids, skip_special_tokens=skip)
