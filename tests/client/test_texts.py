"""How texts become requests, and bad ones errors: without a server."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritext import InvalidText
from tritext.blocking import run
from tritext.rows import MOST_BYTES, Batch, answers_or_errors, batches, encode
from tritext.worlds import each

SURROGATES = st.integers(0xD800, 0xDFFF).map(chr)


def cut(texts: Sequence[object], most: int) -> list[Batch]:
    async def collect() -> list[Batch]:
        return [batch async for batch in batches(each(texts), most)]

    return run(collect())


@given(st.lists(st.text(max_size=5)), st.integers(1, 7))
def test_batches_hold_all_texts_in_order_and_never_too_many(texts: list[str], most: int) -> None:
    found = cut(texts, most)
    assert [row for batch in found for row in batch.rows] == [text.encode() for text in texts]
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
        return await anext(batches(each(endless()), 5))  # type: ignore[arg-type]

    assert len(run(first()).rows) == 5
    assert len(read) == 5


@given(st.text())
def test_every_valid_text_is_sent_as_utf_8(text: str) -> None:
    assert encode(text, 0) == text.encode()


@given(st.text(), SURROGATES, st.text())
def test_half_a_surrogate_pair_is_refused_with_its_place(before: str, half: str, behind: str) -> None:
    refusal = encode(before + half + behind, 7)
    assert isinstance(refusal, InvalidText)
    assert refusal.row == 7
    assert f"at position {len(before)}" in refusal.reason


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["nested"], 1.5])
def test_what_is_no_str_is_refused_with_its_type(value: object) -> None:
    refusal = encode(value, 3)
    assert isinstance(refusal, InvalidText)
    assert type(value).__name__ in str(refusal)


@given(st.lists(st.sampled_from(["good", "refused", "unsendable"]), max_size=64), st.integers(0, 500))
def test_each_bad_row_of_a_batch_costs_only_its_own_answer(kinds: list[str], start: int) -> None:
    """The server refuses a request as a whole and names one bad row of it, not always the first."""
    requests = []

    async def ask(rows: Sequence[bytes]) -> Sequence[bytes]:
        requests.append(len(rows))
        bad = [place for place, row in enumerate(rows) if row.startswith(b"refused")]
        if bad:
            raise InvalidText(row=bad[len(bad) // 2], reason="is bad")
        return rows

    rows = [
        InvalidText(row=start + place, reason="is bad")
        if kind == "unsendable"
        else f"{kind} {place}".encode()
        for place, kind in enumerate(kinds)
    ]
    answers = run(answers_or_errors(rows, ask, start=start))
    for place, (kind, answer) in enumerate(zip(kinds, answers, strict=True)):
        if kind == "good":
            assert answer == f"good {place}".encode()
        else:
            assert isinstance(answer, InvalidText)
            assert answer.row == start + place
    assert len(requests) <= 2 * (len(kinds) - kinds.count("good")) + 1
