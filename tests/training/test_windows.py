"""Laws of windows: every token is judged once, every answer is found where it stands, the likeliest answer is given."""

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from tests.support.families import FAMILIES, make_tokenizer
from tests.training.tiny_base import FILLERS, TOPICS
from tritext.questions import GoldAnswer, Question
from tritext.tagged import TaggedText
from tritext_training.base import load_base
from tritext_training.contexts import Window, best_answers, target, windows
from tritext_training.errors import BadOption
from tritext_training.windows import tagged_windows

WORDS = [*FILLERS, *itertools.chain(*TOPICS.values()), "🙂", "don't", "unbekannt"]


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> PreTrainedTokenizerFast:
    return load_base(str(base), revision=None).tokenizer


def tagged(words: list[str]) -> TaggedText:
    text, offsets = "", []
    for word in words:
        text += " " * bool(text)
        offsets.append((len(text), len(text) + len(word)))
        text += word
    return TaggedText(text=text, offsets=tuple(offsets), tags=("O",) * len(words))


@pytest.mark.parametrize("max_length", [4, 5, 8, 16, 48])
def test_every_token_is_judged_exactly_once_at_its_first_piece(
    tokenizer: PreTrainedTokenizerFast, max_length: int
) -> None:
    chance = random.Random(max_length)
    rows = [tagged(chance.choices(WORDS, k=chance.randint(1, 60))) for _ in range(20)]
    judged: dict[int, list[int]] = {row: [] for row in range(len(rows))}
    for window in tagged_windows(tokenizer, rows, max_length=max_length):
        assert len(window.features["input_ids"]) <= max_length
        judged[window.row] += window.tokens.tolist()
        for piece, token in zip(window.pieces, window.tokens, strict=True):
            one = tokenizer.convert_ids_to_tokens([window.features["input_ids"][piece]])[0]
            start, end = rows[window.row].offsets[token]
            assert one == "[UNK]" or rows[window.row].text[start:end].startswith(one)
    assert judged == {number: list(range(len(row.tags))) for number, row in enumerate(rows)}


def question(words: list[str], place: int | None) -> Question:
    context = " ".join(words)
    answers = (
        () if place is None else (GoldAnswer(text=words[place], start=len(" ".join([*words[:place], ""]))),)
    )
    return Question(id="q", question="see the ?", context=context, answers=answers)


def read(
    tokenizer: PreTrainedTokenizerFast, rows: list[Question], *, max_length: int = 24, doc_stride: int = 6
) -> list[Window]:
    return list(windows(tokenizer, rows, max_length=max_length, doc_stride=doc_stride))


def test_targets_are_the_answers_words_in_every_window_that_holds_them_and_cls_elsewhere(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    chance = random.Random(1)
    for _ in range(30):
        words = chance.choices(FILLERS, k=chance.randint(1, 60))
        place = chance.randrange(len(words))
        words[place] = "volga"
        row = question(words, place)
        found = 0
        for window in read(tokenizer, [row]):
            first, last = target(window, row) or (-1, -1)
            holds = tokenizer.convert_tokens_to_ids("volga") in window.features["input_ids"]
            assert ((first, last) != (window.cls, window.cls)) == holds
            if holds:
                found += 1
                assert row.context[window.offsets[first, 0] : window.offsets[last, 1]] == "volga"
        assert found >= 1


def test_what_is_unanswerable_points_to_cls_and_what_cannot_be_located_to_nothing(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    none, elsewhere = question(["the", "old"], None), question(["the", "old"], 0)
    elsewhere = Question(
        id="q",
        question=elsewhere.question,
        context=elsewhere.context,
        answers=(GoldAnswer(text="not there", start=None),),
    )
    (one,), (other,) = read(tokenizer, [none]), read(tokenizer, [elsewhere])
    assert target(one, none) == (one.cls, one.cls)
    assert target(other, elsewhere) is None


def test_the_answer_is_the_likeliest_span_over_all_windows_and_none_wins_only_where_it_may(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    row = question(["the", *["old"] * 40, "nile", "my", "volga"], 41)
    found = read(tokenizer, [row])
    assert len(found) > 2, "the law needs several windows"

    def logits(window: Window, *, cls: float) -> Any:
        ids = np.array(window.features["input_ids"])
        start = np.where(ids == tokenizer.convert_tokens_to_ids("nile"), 20.0, 0.0)
        end = np.where(ids == tokenizer.convert_tokens_to_ids("volga"), 20.0, 0.0)
        start[window.cls] = end[window.cls] = cls
        return np.stack([start, end])

    for cls, may_be_none, text in ((0, True, "nile my volga"), (40, True, ""), (40, False, "nile my volga")):
        both = [logits(window, cls=cls) for window in found]
        (answer,) = best_answers([row], found, both, may_be_none=may_be_none)
        assert answer.text == text, cls
        assert 0 <= answer.score <= 1.001


def test_windows_without_room_are_refused_in_one_sentence(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(BadOption, match=r"--doc-stride is 20: expected less.*24 tokens"):
        read(tokenizer, [question(["the"], 0)], doc_stride=20)


@pytest.mark.parametrize(
    "family", ["bert-cased", "roberta", "xlm-roberta", "albert", "deberta-v2", "modernbert"]
)
def test_whatever_the_tokenizer_pieces_stand_at_the_beginning_of_their_tokens(family: str) -> None:
    tokenizer = make_tokenizer(FAMILIES[family], max_length=64)
    row = tagged(["Zoë", "lost", "iron", "🙂", "in", "Köln", "日本", "U.S.", "don't", "e\u0301te\u0301", "x"])
    (window,) = tagged_windows(tokenizer, [row], max_length=128)
    encoded = tokenizer(row.text, return_offsets_mapping=True)
    assert window.tokens.tolist() == list(range(len(row.tags)))
    for piece, token in zip(window.pieces, window.tokens, strict=True):
        start, end = encoded["offset_mapping"][piece]
        before = encoded["offset_mapping"][piece - 1][1] if piece > 1 else 0
        assert start <= row.offsets[token][0] < max(end, start + 1), (
            "the piece begins the token, or in the blank before it"
        )
        assert before <= row.offsets[token][0], "no earlier piece is the token's"
