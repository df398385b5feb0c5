"""Laws of reading questions: SQuAD's files and tables give the same, and a wrong offset is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from tritext.questions import GoldAnswer, Question, read_questions
from tritext.tables import RecordsError

CONTEXT = "Ada Lovelace was born in 1815 in London; 1815 it was."
PLAIN = {"id": "q1", "question": "When?", "context": CONTEXT}
BORN = [("1815", 25), ("in 1815", 22)]


def squad(*questions: dict[str, Any], **more: Any) -> str:
    paragraph = {"context": CONTEXT, "qas": list(questions)}
    return json.dumps(
        {"version": "1.1", "data": [{"title": "Ada", "paragraphs": [paragraph]}], **more}, indent=1
    )


def dicts(pairs: Any = BORN) -> list[dict[str, Any]]:
    return [{"text": text, "answer_start": start} for text, start in pairs]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", squad({"id": "q1", "question": "When?", "answers": dicts()})),
        ("a.json", json.dumps([PLAIN | {"answers": dicts()}])),
        ("a.json", json.dumps(PLAIN | {"answers": dicts()})),
        (
            "a.jsonl",
            json.dumps(PLAIN | {"answers": {"text": ["1815", "in 1815"], "answer_start": [25, 22]}}),
        ),
        ("a.jsonl", json.dumps(PLAIN | {"answers": ["1815", "in 1815"]})),
        ("a.jsonl", json.dumps(PLAIN | {"answer": ["1815", "in 1815"], "answer_start": [25]})),
    ],
)
def test_every_notation_gives_the_same_question(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    data = read_questions(tmp_path / name)
    answers = tuple(GoldAnswer(text=text, start=start) for text, start in BORN)
    assert data.rows == (Question(id="q1", question="When?", context=CONTEXT, answers=answers),)
    assert not data.any_unanswerable


def test_a_table_gives_one_answer_and_its_start(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f'question,context,answer_text,answer_start\nWhen?,"{CONTEXT}",1815,41\nWho?,"{CONTEXT}",,\n'
    )
    first, second = read_questions(tmp_path / "a.csv").rows
    assert first.answers == (GoldAnswer(text="1815", start=41),)
    assert first.id == "line 2"
    assert second.answers == ()


@pytest.mark.parametrize("answers", [[], None, [""], "", {"text": [], "answer_start": []}])
def test_no_answer_means_that_the_context_has_none(tmp_path: Path, answers: object) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(PLAIN | {"answers": answers}))
    data = read_questions(tmp_path / "a.jsonl")
    assert data.rows[0].answers == ()
    assert data.any_unanswerable


def test_what_squad_calls_impossible_has_no_answer_whatever_seems_plausible(tmp_path: Path) -> None:
    asked = {
        "id": "x",
        "question": "Why?",
        "is_impossible": True,
        "answers": dicts(),
        "plausible_answers": dicts(),
    }
    (tmp_path / "a.json").write_text(squad(asked))
    assert read_questions(tmp_path / "a.json").rows[0].answers == ()


def test_an_answer_that_does_not_stand_in_the_context_has_no_start(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(PLAIN | {"answers": [1815, "yes"]}))
    assert [answer.start for answer in read_questions(tmp_path / "a.jsonl").rows[0].answers] == [25, None]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", squad({"id": "q1", "question": "When?", "answers": dicts([("1815", 3)])}),
         "question 'q1': the answer '1815' does not stand at character 3 of its context"),
        ("a.json", squad({"id": "q1", "question": " ", "answers": dicts()}), "the question is missing or empty"),
        ("a.json", squad(), "holds no rows"),
        ("a.json", '{"data": []}', "holds no rows"),
        ("a.json", '{"data": [{"title": "x"}]}', "article 1: expected a list of objects called 'paragraphs'"),
        ("a.json", '{"data": [{"paragraphs": [7]}]}', "article 1: expected a list of objects called 'paragraphs'"),
        ("a.jsonl", json.dumps(PLAIN), "no column that is clearly the answer"),
        ("a.jsonl", json.dumps(PLAIN | {"answer": "1815", "answer_start": -1}), "at character -1"),
        ("a.jsonl", json.dumps(PLAIN | {"answer": "1815", "answer_start": "x"}), "expected a number"),
        ("a.jsonl", json.dumps(PLAIN | {"answer": "1815", "context": None}), "the context is missing or empty"),
        ("a.csv", "a,b\n1,2\n", "choose with --question-column"),
    ],
)  # fmt: skip
def test_a_defect_is_one_sentence_with_its_place(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RecordsError) as caught:
        read_questions(tmp_path / name)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
