"""Every task's method, asked of tiny models that speak the task's contract: over both protocols, blocking and async."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.client.conftest import Ask
from tritext import (
    Answer,
    AsyncClient,
    Client,
    Entity,
    Filled,
    IncompatibleModel,
    InvalidRequest,
    InvalidText,
    Label,
    Ranked,
    ServerFailed,
    ZeroShot,
    tasks,
)

Many = list[tuple[str, str, list[Any], tuple[Any, ...]]]

CALLS: Many = [
    ("classify", "pairs", [("a", "a"), ("a", "b")] * 70, ()),
    ("tag", "tagger", ["Rome is far", "", "so is Bonn"] * 70, ()),
    ("answer", "answerer", [("who?", "she did"), ("how?", "so")] * 5, ()),
    ("answer", "answerer", ["who?", "how?"] * 5, ("they did so",)),
    ("classify_zero_shot", "zero", [("a red car", ["red", "blue"]), ("b", ["b"])] * 5, ()),
    ("classify_zero_shot", "zero", ["a red car", "blue"] * 5, (["red", "blue"],)),
    ("rank", "ranker", [("abc", ["x", "ab", "abc"]), ("x", ["y"])] * 5, ()),
    ("rank", "ranker", ["abc", "x"] * 5, (["x", "ab", "abc"],)),
    ("fill_mask", "filler", ["a [MASK]", "[MASK] and [MASK]"] * 70, ()),
]
"""Method, model, many items, and what they share."""


@pytest.mark.parametrize(("method", "model", "items", "shared"), CALLS)
def test_many_items_are_answered_as_each_one_alone_in_order(
    ask_any: Ask, method: str, model: str, items: list[Any], shared: tuple[Any, ...]
) -> None:
    alone = [ask_any(method, model, item, *shared) for item in items[:2]]
    answers = ask_any(method, model, items, *shared)
    assert len(answers) == len(items)
    assert answers[:2] == alone
    assert answers[-2:] == ask_any(method, model, iter(items), *shared)[-2:]
    assert answers[0] != answers[1]


@pytest.mark.parametrize(("method", "model", "items", "shared"), CALLS)
def test_a_bad_item_is_returned_in_its_place(
    ask_any: Ask, method: str, model: str, items: list[Any], shared: tuple[Any, ...]
) -> None:
    bad = [*items]
    bad[3] = ("refuse this", *bad[3][1:]) if isinstance(bad[3], tuple) else "refuse this"
    bad[7] = None
    answers = ask_any(method, model, bad, *shared, errors="return")
    found = {place: answer for place, answer in enumerate(answers) if isinstance(answer, InvalidText)}
    assert {place: error.row for place, error in found.items()} == {3: 3, 7: 7}
    assert "says so" in str(found[3])
    with pytest.raises(InvalidText, match=r" 3 \(counted from 0\) says so"):
        ask_any(method, model, bad[:5], *shared)


@pytest.mark.parametrize(("method", "model", "items", "shared"), CALLS)
def test_no_items_have_no_answers(
    ask_any: Ask, method: str, model: str, items: list[Any], shared: tuple[Any, ...]
) -> None:
    assert ask_any(method, model, items[:0], *shared) == []


# ---- what the answers are


def test_answers_are_typed_records(ask_any: Ask) -> None:
    assert ask_any("classify", "pairs", ("a", "a"), top_k="all") == [
        Label(label="same", score=1.0),
        Label(label="other", score=0.0),
    ]
    assert ask_any("tag", "tagger", "in Rome") == [
        Entity(label="NAME", score=0.5, word="Rome", start=3, end=7, index=0)
    ]
    assert ask_any("tag", "tagger", "in Rome", aggregation_strategy="simple") == [
        Entity(label="NAME", score=0.5, word="Rome", start=3, end=7, index=None)
    ]
    assert ask_any("answer", "answerer", "who?", "she did") == [
        Answer(answer="she", score=0.25, start=0, end=3)
    ]
    assert ask_any("classify_zero_shot", "zero", "a red car", ["blue", "red"]) == ZeroShot(
        sequence="a red car", labels=("red", "blue"), scores=(0.5, 0.0)
    )
    assert ask_any("rank", "ranker", "abc", ["x", "ab", "abc"], top_k=2) == [
        Ranked(corpus_id=2, score=3.0),
        Ranked(corpus_id=1, score=2.0),
    ]
    assert ask_any("fill_mask", "filler", "a [MASK]", targets=["x"]) == [
        [Filled(score=1.0, token=0, token_str="x", sequence="a x")]
    ]
    assert len(ask_any("fill_mask", "filler", "[MASK] [MASK]")) == 2


def test_embeddings_are_arrays_of_the_type_that_was_asked_for(ask_any: Ask) -> None:
    texts = ["a", "bb"] * 50
    whole = ask_any("embed", "embedder", texts)
    assert (whole.shape, whole.dtype) == ((100, 8), np.float32)
    assert ask_any("embed", "embedder", "a").tolist() == whole[0].tolist() == list(range(1, 9))
    assert ask_any("embed", "embedder", texts, dimensions=3).tolist() == whole[:, :3].tolist()
    assert ask_any("embed", "embedder", "a", prompt="query: ").tolist() == list(range(8, 16))
    small = ask_any("embed", "embedder", texts, output="int8", dimensions=4)
    assert (small.shape, small.dtype) == ((100, 4), np.int8)
    bits = ask_any("embed", "embedder", texts, output="binary")
    assert (bits.shape, bits.dtype) == ((100, 1), np.uint8)
    assert ask_any("embed", "embedder", []).shape == (0, 8)
    assert ask_any("embed", "embedder", [], dimensions=3).shape[0] == 0
    mixed = ask_any("embed", "embedder", ["a", None], errors="return")
    assert (mixed[0].shape, type(mixed[1])) == ((8,), InvalidText)


def test_relevances_are_the_scores_in_the_order_of_the_texts(ask_any: Ask) -> None:
    scores = ask_any("relevances", "ranker", "abc", ["x", "ab", "abc"])
    assert (scores.tolist(), scores.dtype) == ([0.0, 2.0, 3.0], np.float32)


def test_pairs_have_probabilities_and_labels(ask_any: Ask) -> None:
    assert ask_any("probabilities", "pairs", [("a", "a"), ("a", "b")]).tolist() == [[1, 0], [0, 1]]
    assert ask_any("labels", "pairs") == ("same", "other")


@pytest.mark.parametrize(
    ("model", "items", "counts"),
    [
        ("pairs", [("a", "b c"), ("a", "b")], [5, 4]),
        ("tagger", ["a", "b c"], [3, 4]),
        ("answerer", [("a", "b c")], [5]),
        ("zero", [("a", ["x", "y z"]), ("a b", ["x"])], [4, 5, 5]),
        ("embedder", "a", [3]),
        ("ranker", [("a", ["x", "y z"])], [4, 5]),
        ("tagger", [], []),
    ],
)
def test_token_counts_are_known_for_every_task(
    ask_any: Ask, model: str, items: Any, counts: list[int]
) -> None:
    found = ask_any("token_counts", model, items)
    assert (found.tolist(), found.dtype) == (counts, np.int32)


# ---- how items travel


def test_options_travel_as_parameters(ask_any: Ask) -> None:
    told = ask_any("tag", "tagger", "", ignore_labels=("O", "MISC"), stride=5, truncation=None)[-1]
    assert json.loads(told.word) == {"ignore_labels": '["O", "MISC"]', "stride": 5}
    told = ask_any(
        "answer", "answerer", "q", "c", top_k=2, handle_impossible_answer=True, doc_stride=np.int64(7)
    )[-1]
    assert json.loads(told.answer) == {"top_k": 2, "handle_impossible_answer": True, "doc_stride": 7}
    zero = ask_any(
        "classify_zero_shot", "zero", "a", ["a"], hypothesis_template="Is it {}?", multi_label=True
    )
    assert (zero.labels, zero.scores) == (("Is it a?",), (1.0,))


def test_items_of_one_text_share_requests_whatever_the_models_batching(ask_any: Ask) -> None:
    sizes = [answer[-1].label for answer in ask_any("tag", "tagger", [""] * 100, ignore_labels=["O"])]
    assert sizes == ["64"] * 64 + ["36"] * 36
    sizes = [a[-1].label for a in ask_any("tag", "tagger", [""] * 100, ignore_labels=[], batch_size=100)]
    assert sizes == ["100"] * 100


def test_long_texts_that_make_too_many_rows_for_one_request_are_answered_in_smaller_ones(
    ask_any: Ask,
) -> None:
    texts = ["Rome " * 50] * 20 + ["Rome " * 300]
    answers = ask_any("tag", "tagger", texts, truncation="window", errors="return")
    assert [len(answer) for answer in answers[:20]] == [50] * 20
    assert str(answers[20]).startswith("Text 20 (counted from 0) makes 300 rows for the model")


def test_a_stream_answers_every_task_and_reads_no_more_than_is_under_way(tasks_url: str) -> None:
    read = []

    def endless() -> Iterator[tuple[str, str]]:
        while True:
            read.append(1)
            yield "who?", "she did"

    with Client(tasks_url) as client:
        answers = client.stream("answerer", endless())
        assert next(answers) == [Answer(answer="she", score=0.25, start=0, end=3)]
        assert len(read) <= 5
        answers.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("model", "item", "plain"),
    [
        ("pairs", ("a", "a"), [{"label": "same", "score": 1.0}]),
        (
            "tagger",
            "Rome",
            [{"entity": "NAME", "score": 0.5, "word": "Rome", "start": 0, "end": 4, "index": 0}],
        ),
        ("answerer", ("q", "c"), {"score": 0.25, "start": 0, "end": 1, "answer": "c"}),
        ("zero", ("a", ["a"]), {"sequence": "a", "labels": ["a"], "scores": [1.0]}),
        ("embedder", "a", [float(number) for number in range(1, 9)]),
        ("ranker", ("a", ["a"]), [{"corpus_id": 0, "score": 1.0}]),
    ],
)
def test_plain_answers_are_the_pipelines_own(tasks_url: str, model: str, item: Any, plain: Any) -> None:
    with Client(tasks_url) as client:
        assert list(client.stream(model, [item, item], plain=True)) == [plain, plain]


async def test_async_streams_and_calls_take_async_items(tasks_url: str) -> None:
    async def items() -> AsyncIterator[str]:
        for number in range(20):
            await asyncio.sleep(0)
            yield f"question {number}"

    async with AsyncClient(tasks_url, in_flight=8) as client:
        answers = await client.answer("answerer", items(), "she did")
        assert [answer[0].answer for answer in answers] == ["she"] * 20
        streamed = [answer async for answer in client.stream("tagger", items(), batch_size=3)]
    assert streamed == [[]] * 20


# ---- wrong use


@pytest.mark.parametrize(
    ("method", "arguments", "options", "error", "sentence"),
    [
        ("classify", ("pairs", "alone"), {}, InvalidText, "Text 0 .* comes without its text pair"),
        ("classify", ("pairs", ["alone"]), {}, InvalidText, r"takes a tuple \(text, text pair\)"),
        ("classify", ("pairs", [("a", "b", "c")]), {}, InvalidText, "is a tuple of 3"),
        (
            "classify",
            ("pairs", ("a", 5)),
            {},
            InvalidText,
            "Text pair 0 .* is no text: expected a str, got int",
        ),
        ("classify", ("tagger", "text"), {}, IncompatibleModel, "expected a model for text-classification"),
        ("tag", ("pairs", "text"), {}, IncompatibleModel, "got one for text-classification"),
        ("tag", ("tagger", [("a", "b")]), {}, InvalidText, "this model takes one text"),
        ("tag", ("tagger", "text"), {"ignore_labels": "O"}, InvalidRequest, "takes a list of str, not str"),
        ("tag", ("tagger", "text"), {"stride": 1.5}, InvalidRequest, "takes a whole number, not float"),
        ("tag", ("tagger", "text"), {"stride": True}, InvalidRequest, "takes a whole number, not bool"),
        (
            "tag",
            ("tagger", "text"),
            {"top_k": 1},
            InvalidRequest,
            "has no option top_k; its options are aggreg",
        ),
        ("tag", ("tagger", "text"), {"aggregation_strategy": 5}, InvalidRequest, "takes a str, not int"),
        ("tag", ("tagger", ["text"]), {"batch_size": 257}, InvalidRequest, "from 1 to the model's 256"),
        ("answer", ("answerer", "who?"), {}, InvalidText, "Question 0 .* comes without its context"),
        ("answer", ("answerer", ["who?"]), {}, InvalidText, r"takes a tuple \(question, context\)"),
        ("answer", ("answerer", "who?", ["c"]), {}, InvalidText, "Context 0 .* expected a str, got list"),
        (
            "answer",
            ("answerer", "q", "c"),
            {"align_to_words": "no"},
            InvalidRequest,
            "True or False, not str",
        ),
        ("answer", ("answerer", ["q"], "c"), {"batch_size": 2}, InvalidRequest, "one item in each request"),
        (
            "answer",
            ("answerer", "q" * 100, "c"),
            {},
            InvalidText,
            "Question 0 .* has 100 tokens, more than max_q",
        ),
        ("answer", ("answerer", ["q", "q" * 100], "c"), {}, InvalidText, "Question 1 .* has 100 tokens"),
        ("answer", ("answerer", "q", "c" * 100), {}, InvalidText, "Question 0 .* is refused: max_seq_len"),
        (
            "answer",
            ("answerer", "q", "c"),
            {"doc_stride": 0},
            InvalidRequest,
            "refused: the parameter doc_str",
        ),
        ("answer", ("unfinished", "q", "c"), {}, IncompatibleModel, "expected an input CONTEXT, got none"),
        ("classify_zero_shot", ("zero", "a", []), {}, InvalidText, "Candidate labels 0 .* are empty"),
        ("classify_zero_shot", ("zero", "a", "x, y"), {}, InvalidText, "expected a list of str, got str"),
        ("classify_zero_shot", ("zero", "a", {"x"}), {}, InvalidText, "expected a list of str, got set"),
        (
            "classify_zero_shot",
            ("zero", "a", ["x", None]),
            {},
            InvalidText,
            "Entry 1 of the candidate labels",
        ),
        ("classify_zero_shot", ("zero", "a", ["x", "refuse"]), {}, InvalidText, "Entry 1 .* says so"),
        ("classify_zero_shot", ("zero", "a"), {}, InvalidText, "comes without its candidate labels"),
        ("rank", ("ranker", "q", "text"), {}, InvalidText, "Texts 0 .* are no list"),
        ("rank", ("ranker", "q", []), {}, InvalidText, "Texts 0 .* are empty"),
        ("rank", ("ranker", "q", ["x"] * 257), {}, InvalidText, "Query 0 .* makes 257 rows .* takes 256"),
        ("embed", ("embedder", "text"), {"output": "fp8"}, InvalidRequest, "'float' or 'int8' or 'binary'"),
        ("fill_mask", ("filler", ["[MASK]", "none"]), {}, InvalidText, r"Text 1 .* has no \[MASK\]"),
        ("fill_mask", ("filler", "[MASK]"), {"targets": "x"}, InvalidRequest, "takes a list of str"),
        ("token_counts", ("stranger", "text"), {}, IncompatibleModel, "got one for image-classification"),
        ("tag", ("garbled", "{"), {}, ServerFailed, "RESULT is not JSON"),
        ("tag", ("garbled", "[5]"), {}, ServerFailed, "RESULT is not what the task answers"),
        ("tag", ("garbled", "5"), {}, ServerFailed, "RESULT is not what the task answers"),
    ],
)
def test_wrong_use_is_one_clear_sentence(
    ask_any: Ask, method: str, arguments: Any, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        ask_any(method, *arguments, **options)
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith(".")


def test_every_task_is_found_by_its_name_and_says_what_it_needs() -> None:
    for name in tasks.TASKS:
        task = tasks.task_named(name)
        assert task.name == name
        assert task.fields
        assert task.options
        assert task.headings


REPEATING = """
from tritext.items import Field
from tritext.parameters import number
from tritext.task import Task, records_by

TASK = Task(
    name="image-classification",
    fields=(Field(input="TEXT", kind="text", columns=("text",)),),
    options={"times": number},
    records=records_by(str.upper),
    headings=("repeated",),
    cells=lambda _text, answer: [(answer,)],
)
"""


def test_a_new_task_is_one_module_and_one_entry(
    tasks_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repeating.py").write_text(REPEATING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(tasks.TASKS, "image-classification", "repeating")
    with Client(tasks_url) as client:
        assert list(client.stream("stranger", ["a", "b"], times=2)) == ["AA", "BB"]
        assert list(client.stream("stranger", ["a"], plain=True)) == ["a"]
        with pytest.raises(InvalidRequest, match="its options are times, version, timeout, batch_size"):
            list(client.stream("stranger", ["a"], twice=True))
