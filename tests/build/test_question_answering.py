"""Question answering gives the pipeline's answers, from the text of a request to its RESULT, without a Triton around it."""

import inspect
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from tests.support.families import FAMILIES, make
from tests.support.qa_golden import GOLDEN, MAX_LENGTH, RECORDED, make_asks, recorded
from tests.support.qa_oracle import ask_oracle, oracle_python, stand_in_logits
from tests.support.steps import encoder_of, model_inputs, request
from tritext_build.runtime.question_answering.answers import Answers, Windows, Wish, best_answers, best_spans
from tritext_build.runtime.question_answering.rows import Rows
from tritext_build.runtime.requests import BadRequest, Tensors

Logits = Callable[[Tensors], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]

TOLERANCE = 1e-5
MOST_WINDOWS = 256
LARGE = 10_000


@cache
def rows_of(checkpoint: Path, **settings: Any) -> Rows:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    kept = {
        "cls_token_id": tokenizer.cls_token_id,
        "question_first": tokenizer.padding_side == "right",
        "most_windows": MOST_WINDOWS,
    }
    return Rows(encoder_of(checkpoint), **{**kept, **settings})


def tensors_of(rows: Rows, question: str, context: str, **parameters: Any) -> Tensors:
    ask = rows.read(request({"QUESTION": [question], "CONTEXT": [context]}, **parameters))
    (tensors,) = rows.encode([ask])
    if isinstance(tensors, BadRequest):
        raise tensors
    return tensors


def answers_of(
    rows: Rows, logits_of: Logits, *, question: str, context: str, **parameters: Any
) -> dict[str, Any] | list[dict[str, Any]]:
    """What a request is answered: both steps, with `logits_of` in the place of the model."""
    tensors = tensors_of(rows, question, context, **parameters)
    logits = dict(zip(("start_logits", "end_logits"), logits_of(tensors), strict=True))
    handed_on = {name: tensors[name] for name in ("answerable", "offsets", "word_offsets")}
    answers = Answers()
    ask = answers.read(request({"CONTEXT": [context], **handed_on, **logits}, **parameters))
    result = answers.answer(ask)["RESULT"]
    assert result.shape == (1,)
    answer: dict[str, Any] | list[dict[str, Any]] = json.loads(result[0])
    return answer


def stand_in(tensors: Tensors, *, wider: int = 0, padding: float = 0.0) -> tuple[Any, Any]:
    """The stand-in's logits, with columns of padding behind them as a batch with longer rows has."""
    lengths = tensors["attention_mask"].sum(axis=1)
    logits = np.full((2, len(lengths), lengths.max() + wider), padding, np.float32)
    for row, length in enumerate(lengths):
        logits[:, row, :length] = stand_in_logits(tensors["input_ids"][row, :length])
    return logits[0], logits[1]


def likely(answers: Any) -> list[dict[str, Any]]:
    """The answers that have a probability: the pipeline fills up with an arbitrary choice of those without."""
    listed = answers if isinstance(answers, list) else [answers]
    return [answer for answer in listed if answer["score"] > 0]


def assert_same(ours: Any, theirs: Any) -> None:
    spans = [
        [(answer["start"], answer["end"], answer["answer"]) for answer in likely(answers)]
        for answers in (ours, theirs)
    ]
    assert spans[0] == spans[1]
    scores = [[answer["score"] for answer in likely(answers)] for answers in (ours, theirs)]
    np.testing.assert_allclose(scores[0], scores[1], atol=TOLERANCE, rtol=0)
    if len(likely(theirs)) == 1:
        assert isinstance(ours, dict)


# ---- the pipeline's answers


@pytest.mark.parametrize("name", RECORDED)
def test_answers_equal_the_recorded_ones_of_the_pipeline(name: str) -> None:
    rows = rows_of(GOLDEN / name, most_windows=LARGE)
    compared = refused = 0
    for ask, expected in recorded(name):
        if "error" in expected:
            refused += 1
            with pytest.raises(BadRequest):
                answers_of(rows, stand_in, **ask, max_question_len=LARGE)
        else:
            compared += 1
            assert_same(answers_of(rows, stand_in, **ask, max_question_len=LARGE), expected)
    assert compared > 30
    assert refused > 0


def torch_logits(checkpoint: Path) -> Logits:
    model = AutoModelForQuestionAnswering.from_pretrained(checkpoint).eval()
    taken = inspect.signature(model.forward).parameters

    def logits_of(tensors: Tensors) -> tuple[Any, Any]:
        inputs = {name: tensor for name, tensor in model_inputs(tensors).items() if name in taken}
        with torch.inference_mode():
            output = model(**inputs)
        return output.start_logits.numpy(), output.end_logits.numpy()

    return logits_of


@pytest.mark.slow
@pytest.mark.skipif(oracle_python() is None, reason="no Python with the pipeline: run `make oracle`")
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_of_every_family_equal_the_pipelines(family: str, tmp_path: Path) -> None:
    """A checkpoint that transformers 5 wrote, in fp32, both here and in the pipeline of transformers 4."""
    checkpoint = make(tmp_path / family, family=family, head="question-answering", max_length=MAX_LENGTH)
    rows, logits_of = rows_of(checkpoint, most_windows=LARGE), torch_logits(checkpoint)
    names = AutoTokenizer.from_pretrained(checkpoint).model_input_names
    asks = make_asks(60, seed=100)
    compared = 0
    for ask, expected in zip(asks, ask_oracle(checkpoint, asks, input_names=names), strict=True):
        if "error" in expected:
            with pytest.raises(BadRequest):
                tensors_of(rows, **ask, max_question_len=LARGE)
        else:
            compared += 1
            assert_same(answers_of(rows, logits_of, **ask, max_question_len=LARGE), expected)
    assert compared > 40


# ---- rows

BERT = GOLDEN / "bert"
LONG = "The ferry leaves at nine, and the crossing takes about forty minutes. " * 12


def test_windows_hold_the_question_and_share_doc_stride_tokens_of_the_whole_context() -> None:
    tensors = tensors_of(rows_of(BERT), "When?", LONG, max_seq_len=60, doc_stride=20)
    context = encoder_of(BERT).tokenizer.encode(LONG, add_special_tokens=False).ids
    lengths = tensors["attention_mask"].sum(axis=1)
    assert len(lengths) > 2
    assert lengths.max() == 60
    parts = [
        row[: len(mask)][mask.astype(bool)][1:].tolist()  # without CLS
        for row, mask in zip(tensors["input_ids"], tensors["answerable"], strict=True)
    ]
    joined = parts[0]
    for part in parts[1:]:
        assert joined[-20:] == part[:20]
        joined = joined + part[20:]
    assert joined == context


def test_token_count_is_the_length_of_question_and_context_before_they_are_cut() -> None:
    expected = [len(AutoTokenizer.from_pretrained(BERT)("When?", LONG)["input_ids"])]
    for truncation in ("window", "truncate"):
        assert tensors_of(rows_of(BERT), "When?", LONG, truncation=truncation)["TOKEN_COUNT"] == expected


def test_truncate_keeps_the_first_window_only() -> None:
    windows = tensors_of(rows_of(BERT), "When?", LONG)
    cut = tensors_of(rows_of(BERT), "When?", LONG, truncation="truncate")
    for name in ("input_ids", "attention_mask", "answerable", "offsets", "word_offsets"):
        np.testing.assert_array_equal(cut[name], windows[name][:1])


def test_asks_together_are_encoded_as_alone() -> None:
    rows = rows_of(BERT)
    wanted = [("When?", LONG), ("Who?", "Noor."), ("What?", LONG[:300])]
    asks = [rows.read(request({"QUESTION": [q], "CONTEXT": [c]})) for q, c in wanted]
    for (question, context), together in zip(wanted, rows.encode(asks), strict=True):
        assert not isinstance(together, BadRequest)
        alone = tensors_of(rows, question, context)
        for name, tensor in alone.items():
            np.testing.assert_array_equal(together[name], tensor)


def test_a_context_of_20000_characters_is_answered_from_any_of_its_windows() -> None:
    context = (LONG * 30)[:19_900] + " The harbour master is called Ingunn Aas."
    rows = rows_of(BERT)
    tensors = tensors_of(rows, "Who?", context, doc_stride=24)
    assert 50 < len(tensors["input_ids"]) <= MOST_WINDOWS
    assert tensors["offsets"].max() == len(context)
    assert likely(answers_of(rows, stand_in, question="Who?", context=context, doc_stride=24))


def test_where_the_context_stands_first_the_question_is_never_cut() -> None:
    checkpoint = GOLDEN / "bert-from-the-left"
    tensors = tensors_of(rows_of(checkpoint), "When?", LONG)
    question = encoder_of(checkpoint).tokenizer.encode("When?", add_special_tokens=False).ids
    for ids, length in zip(tensors["input_ids"], tensors["attention_mask"].sum(axis=1), strict=True):
        assert ids[length - 1 - len(question) : length - 1].tolist() == question


@settings(deadline=None, max_examples=100)
@given(context=st.text(min_size=1, max_size=200), align=st.booleans())
@pytest.mark.parametrize("name", RECORDED)
def test_answers_are_cut_from_the_original_text_at_their_offsets(
    name: str,
    context: str,
    align: bool,  # noqa: FBT001
) -> None:
    context = context.encode("utf-8", "ignore").decode() or " "
    answers = answers_of(
        rows_of(GOLDEN / name), stand_in, question="Who?", context=context, top_k=5, align_to_words=align
    )
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer["answer"] == context[answer["start"] : answer["end"]]


# ---- answers


@settings(deadline=None)
@given(st.data())
def test_the_best_spans_are_those_of_the_square_of_all_spans(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 12))
    count, longest = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 20))
    # All products of these differ, so that there are no ties to decide.
    values = data.draw(st.permutations([*(2.0**-n for n in range(24))]))
    start, end = np.array(values[:length]), np.array(values[12 : 12 + length]) ** 1.01
    first, last, scores = best_spans(start, end, count=count, longest=longest)
    every = [(start[i] * end[j], i, j) for i in range(length) for j in range(i, min(length, i + longest))]
    expected = sorted(every, reverse=True)[:count]
    assert list(zip(scores, first, last, strict=True)) == expected


@pytest.mark.parametrize("padding", [0.0, 50.0, -50.0])
def test_columns_behind_a_request_s_own_rows_do_not_count(padding: float) -> None:
    def in_a_batch(tensors: Tensors) -> tuple[Any, Any]:
        return stand_in(tensors, wider=7, padding=padding)

    rows = rows_of(BERT)
    ask: dict[str, Any] = {"question": "When?", "context": LONG, "top_k": 5}
    assert answers_of(rows, in_a_batch, **ask) == answers_of(rows, stand_in, **ask)


def windows(starts: list[float], ends: list[float]) -> Windows:
    """One window over "Oslo oslo Bergen": CLS, three words, SEP."""
    offsets = np.array([[[0, 0], [0, 4], [5, 9], [10, 16], [0, 0]]], np.int32)
    return Windows(
        start_logits=np.array([starts], np.float32),
        end_logits=np.array([ends], np.float32),
        answerable=np.array([[1, 1, 1, 1, 0]], np.int32),
        offsets=offsets,
        word_offsets=np.where(offsets.any(axis=-1, keepdims=True), offsets, -1).astype(np.int32),
    )


def test_equal_answers_are_one_whatever_their_case_with_the_sum_of_their_scores() -> None:
    answers = best_answers(
        "Oslo oslo Bergen",
        windows([-99, 0, 0, 0, 9], [-99, 0, 0, 0, 9]),
        Wish(top_k=2, max_answer_len=1),
    )
    assert answers[0] == {"score": pytest.approx(2 / 9), "start": 0, "end": 4, "answer": "Oslo"}
    assert answers[1] == {"score": pytest.approx(1 / 9), "start": 10, "end": 16, "answer": "Bergen"}


def test_the_impossible_answer_has_the_least_score_of_cls_over_all_windows() -> None:
    one, other = windows([2, 0, 0, 0, 9], [2, 0, 0, 0, 9]), windows([1, 0, 0, 0, 9], [1, 0, 0, 0, 9])
    both = Windows(**{name: np.concatenate([vars(one)[name], vars(other)[name]]) for name in vars(one)})
    scores = [
        next(
            answer["score"]
            for answer in best_answers("Oslo oslo Bergen", found, wish)
            if not answer["answer"]
        )
        for found in (one, other, both)
        for wish in [Wish(top_k=20, handle_impossible_answer=True)]
    ]
    assert scores[2] == min(scores) == scores[1] < scores[0]


@pytest.mark.parametrize("context", [" ", "\n\t ", "\u200b"])
def test_a_context_without_tokens_has_the_empty_answer_of_score_zero(context: str) -> None:
    answer = answers_of(rows_of(BERT), stand_in, question="Who?", context=context)
    assert answer == {"score": 0.0, "start": 0, "end": 0, "answer": ""}


# ---- mistakes


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"question": ""}, "QUESTION is empty"),
        ({"context": ""}, "CONTEXT is empty"),
        ({"question": "why " * 65}, "more than max_question_len allows (64)"),
        ({"max_question_len": 1, "question": "Who is it?"}, "max_question_len allows (1)"),
        ({"max_question_len": 0}, "max_question_len takes a whole number from 1 up, not 0"),
        ({"max_seq_len": MAX_LENGTH + 1}, f"max_seq_len takes at most this model's {MAX_LENGTH} tokens"),
        ({"max_seq_len": "wide"}, "max_seq_len takes a whole number"),
        ({"max_seq_len": 4, "context": LONG}, "leaves no token for CONTEXT"),
        ({"doc_stride": -1}, "doc_stride takes a whole number from 0 up"),
        ({"doc_stride": 95, "context": LONG}, "doc_stride (95) must be smaller than the"),
        ({"truncation": "error", "context": LONG}, f"more than max_seq_len allows ({MAX_LENGTH})"),
        ({"truncation": "cut"}, "truncation takes 'window' or 'truncate' or 'error', not 'cut'"),
        ({"context": LONG * 100}, "more than the 256 that one request may have"),
        ({"top_k": 0}, "top_k takes a whole number from 1 up"),
        ({"top_k": 1001}, "top_k takes at most 1000"),
        ({"max_answer_len": 0}, "max_answer_len takes a whole number from 1 up"),
        ({"handle_impossible_answer": "perhaps"}, "handle_impossible_answer takes true or false"),
        ({"align_to_words": 2}, "align_to_words takes true or false"),
    ],
)
def test_a_mistake_is_one_sentence(asked: dict[str, Any], sentence: str) -> None:
    ask = {"question": "Who?", "context": "Noor from Haifa.", **asked}
    with pytest.raises(BadRequest) as refused:
        answers_of(rows_of(BERT), stand_in, **ask)
    assert sentence in str(refused.value)


def test_a_stride_that_leaves_no_room_matters_only_where_there_are_windows() -> None:
    tensors = tensors_of(rows_of(BERT), "Who?", "Noor from Haifa.", doc_stride=90)
    assert len(tensors["input_ids"]) == 1
