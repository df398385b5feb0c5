"""The tokenizer step encodes as transformers does, at fixed width."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from tests.support.families import FAMILIES, MAX_LENGTH, gate_texts, make_tokenizer
from tritext_build.runtime.encoding import Encoder

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
ORIGINAL = make_tokenizer(FAMILIES["bert"])


def encoder(max_length: int = MAX_LENGTH, *, side: str = "right") -> Encoder:
    from tokenizers import Tokenizer

    return Encoder(
        Tokenizer.from_str(ORIGINAL.backend_tokenizer.to_str()),
        max_length=max_length,
        input_names=INPUTS,
        pad_token_id=0,
        truncation_side=side,
    )


@pytest.mark.parametrize("max_length", [8, 21, MAX_LENGTH])
def test_rows_equal_transformers_padded_to_max_length(max_length: int) -> None:
    texts = gate_texts()
    expected = ORIGINAL(
        texts, truncation=True, max_length=max_length, padding="max_length", return_tensors="np"
    )
    rows = encoder(max_length).encode(texts)
    for name in INPUTS:
        np.testing.assert_array_equal(rows.inputs[name], expected[name])


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=400))
def test_any_text_is_encoded_as_transformers_does(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    expected = ORIGINAL([text], truncation=True, max_length=16, padding="max_length", return_tensors="np")
    rows = encoder(16).encode([text])
    np.testing.assert_array_equal(rows.inputs["input_ids"], expected["input_ids"])


@pytest.mark.parametrize("max_length", [8, MAX_LENGTH])
def test_token_count_is_the_length_before_truncation(max_length: int) -> None:
    texts = gate_texts()
    expected = [len(ORIGINAL(text)["input_ids"]) for text in texts]
    assert encoder(max_length).encode(texts).token_counts.tolist() == expected


def test_truncation_on_the_left_keeps_the_end() -> None:
    kept = encoder(8, side="left").encode(["one two three four five six seven eight nine ten"])
    whole = ORIGINAL("one two three four five six seven eight nine ten")["input_ids"]
    assert kept.inputs["input_ids"][0].tolist() == [whole[0], *whole[-7:]]


def test_a_text_is_encoded_alike_at_every_position_of_a_batch() -> None:
    texts = gate_texts()[:16]
    alone = [encoder().encode([text]).inputs["input_ids"][0] for text in texts]
    for shift in range(len(texts)):
        order = np.roll(np.arange(len(texts)), shift)
        together = encoder().encode([texts[index] for index in order]).inputs["input_ids"]
        for position, index in enumerate(order):
            np.testing.assert_array_equal(together[position], alone[index])


def test_no_texts_make_no_rows() -> None:
    rows = encoder().encode([])
    assert rows.inputs["input_ids"].shape == (0, MAX_LENGTH)
    assert rows.token_counts.shape == (0,)


def test_the_saved_tokenizer_carries_no_padding_of_its_own(repository: Path) -> None:
    """Sentence-transformers' tokenizers ask for padding to 128; the rows must not depend on it."""
    saved = AutoTokenizer.from_pretrained(repository / "tiny_tokenizer" / "1").backend_tokenizer
    assert saved.padding is None
    assert saved.truncation is None
