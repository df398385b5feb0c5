"""How items become requests, and bad ones errors: without a server."""

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritext import InvalidText
from tritext.blocking import run
from tritext.failures import TooMuchAtOnce
from tritext.items import Field, Form, Row, encode
from tritext.rows import MOST_BYTES, Batch, SoundRow, answers_or_errors, batches, in_halves
from tritext.worlds import each

SURROGATES = st.integers(0xD800, 0xDFFF).map(chr)
TEXT = Field(input="TEXT", kind="text", columns=())
PAIR = Field(input="TEXT_PAIR", kind="text pair", columns=())
LABELS = Field(input="CANDIDATE_LABELS", kind="labels", columns=(), many=True)


def row(item: object, position: int) -> Row:
    return encode(item, [TEXT], position)


def cut(texts: Sequence[object], most: int) -> list[Batch]:
    async def collect() -> list[Batch]:
        return [batch async for batch in batches(each(texts), row, most)]

    return run(collect())


@given(st.lists(st.text(max_size=5)), st.integers(1, 7))
def test_batches_hold_all_texts_in_order_and_never_too_many(texts: list[str], most: int) -> None:
    found = cut(texts, most)
    assert [row for batch in found for row in batch.rows] == [([text.encode()],) for text in texts]
    assert all(1 <= len(batch.rows) <= most for batch in found)
    assert [batch.start for batch in found] == list(range(0, len(texts), most))


def test_a_batch_holds_no_more_bytes_than_one_request_may() -> None:
    huge, half = "x" * (MOST_BYTES + 1), "x" * (MOST_BYTES // 2)
    assert [len(batch.rows) for batch in cut([half, half, "y", huge, "y"], 64)] == [2, 1, 1, 1]


def test_texts_are_not_read_further_than_the_next_batch() -> None:
    read = []

    def endless() -> object:
        for number in range(1000):
            read.append(number)
            yield str(number)

    async def first() -> Batch:
        return await anext(batches(each(endless()), row, 5))  # type: ignore[arg-type]

    assert len(run(first()).rows) == 5
    assert len(read) == 5


@given(st.text())
def test_every_valid_text_is_sent_as_utf_8(text: str) -> None:
    assert row(text, 0) == ([text.encode()],)


@given(st.text(), SURROGATES, st.text())
def test_half_a_surrogate_pair_is_refused_with_its_place(before: str, half: str, behind: str) -> None:
    refusal = row(before + half + behind, 7)
    assert isinstance(refusal, InvalidText)
    assert refusal.row == 7
    assert f"at position {len(before)}" in refusal.reason


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["nested"], 1.5])
def test_what_is_no_str_is_refused_with_its_type(value: object) -> None:
    refusal = row(value, 3)
    assert isinstance(refusal, InvalidText)
    assert type(value).__name__ in str(refusal)


@pytest.mark.parametrize(
    ("item", "fields", "sentence"),
    [
        (
            "alone",
            [TEXT, PAIR],
            "Text 3 (counted from 0) comes without its text pair: this model takes a tuple",
        ),
        (("a", "b"), [TEXT], "Text 3 (counted from 0) is a tuple of 2: this model takes one text"),
        (("a", "b", "c"), [TEXT, PAIR], "is a tuple of 3: this model takes a tuple (text, text pair)"),
        (("a", None), [TEXT, PAIR], "Text pair 3 (counted from 0) is no text: expected a str, got NoneType"),
        (("a", "x, y"), [TEXT, LABELS], "Candidate labels 3 (counted from 0) are no list"),
        (("a", []), [TEXT, LABELS], "Candidate labels 3 (counted from 0) are empty"),
        (("a", ["x", 5]), [TEXT, LABELS], "Entry 1 of the candidate labels of item 3 (both counted from 0)"),
        (("a", ["\ud800"]), [TEXT, LABELS], "Entry 0 of the candidate labels of item 3"),
    ],
)
def test_an_item_that_is_not_what_the_model_takes_is_refused_in_a_sentence(
    item: object, fields: list[Field], sentence: str
) -> None:
    refusal = encode(item, fields, 3)
    assert isinstance(refusal, InvalidText)
    assert sentence in str(refusal)


def test_stacked_items_are_one_row_each_and_an_item_alone_is_all_its_texts() -> None:
    rows = [encode(pair, [TEXT, PAIR], 0) for pair in (("a", "b"), ("c", "d"))]
    stacked = Form(fields=(TEXT, PAIR), stacked=True, usual=64, most=64).tensors(rows)  # type: ignore[arg-type]
    assert {name: array.tolist() for name, array in stacked.items()} == {
        "TEXT": [[b"a"], [b"c"]],
        "TEXT_PAIR": [[b"b"], [b"d"]],
    }
    lone = encode(("a", ["x", "y", "z"]), [TEXT, LABELS], 0)
    alone = Form(fields=(TEXT, LABELS), stacked=False, usual=1, most=1).tensors([lone])  # type: ignore[list-item]
    assert alone["TEXT"].tolist() == [b"a"]
    assert alone["CANDIDATE_LABELS"].tolist() == [b"x", b"y", b"z"]


@given(st.lists(st.sampled_from(["good", "refused", "unsendable"]), max_size=64), st.integers(0, 500))
def test_each_bad_row_of_a_batch_costs_only_its_own_answer(kinds: list[str], start: int) -> None:
    """The server refuses a request as a whole and names one bad row of it, not always the first."""
    requests = []

    async def ask(rows: Sequence[SoundRow]) -> Sequence[SoundRow]:
        requests.append(len(rows))
        bad = [place for place, (texts,) in enumerate(rows) if texts[0].startswith(b"refused")]
        if bad:
            raise InvalidText(row=bad[len(bad) // 2], reason="is bad")
        return rows

    rows = [
        InvalidText(row=start + place, reason="is bad")
        if kind == "unsendable"
        else row(f"{kind} {place}", start + place)
        for place, kind in enumerate(kinds)
    ]
    answers = run(answers_or_errors(rows, ask, start=start))
    for place, (kind, answer) in enumerate(zip(kinds, answers, strict=True)):
        if kind == "good":
            assert answer == ([f"good {place}".encode()],)
        else:
            assert isinstance(answer, InvalidText)
            assert answer.row == start + place
    assert len(requests) <= 2 * (len(kinds) - kinds.count("good")) + 1


@given(st.lists(st.integers(1, 9), max_size=64))
def test_long_texts_that_make_too_many_rows_are_sent_in_smaller_requests(lengths: list[int]) -> None:
    """A text of more than 6 rows is too much by itself; the others are all answered, in order."""
    most = 6

    async def ask(rows: Sequence[SoundRow]) -> Sequence[int]:
        made = [len(texts[0]) for (texts,) in rows]
        if sum(made) > most:
            raise TooMuchAtOnce(f"makes {sum(made)} rows for the model")
        return made

    rows = [row("x" * length, place) for place, length in enumerate(lengths)]
    answers = run(answers_or_errors(rows, partial(in_halves, ask=ask, name="TEXT"), start=0))
    for place, (length, answer) in enumerate(zip(lengths, answers, strict=True)):
        if length <= most:
            assert answer == length
        else:
            assert isinstance(answer, InvalidText)
            assert (answer.row, answer.reason) == (place, f"makes {length} rows for the model")
