"""`tritext predict` for every task: it learns the task from the server, takes what the task needs, and refuses the rest."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Command
from tritext.commands.task_options import TASK_OPTIONS
from tritext.tasks import TASKS, task_named
from tritext_serving import Server


@pytest.fixture
def predict(tasks_server: Server) -> Command:
    return Command(tasks_server.grpc_url)


NAME = {"entity_group": "NAME", "score": 0.5, "word": "Rome", "start": 3, "end": 7}
SHE = {"score": 0.25, "start": 0, "end": 3, "answer": "she"}


@pytest.mark.parametrize(
    ("arguments", "document"),
    [
        (("pairs", "a", "--pair", "a"), [{"label": "same", "score": 1.0}]),
        (("tagger", "in Rome", "--aggregation-strategy", "simple"), [NAME]),
        (("answerer", "who?", "--context", "she did"), SHE),
        (("answerer", "she did", "--question", "who?"), SHE),
        (("answerer", "--context", "she did", "--question", "who?"), SHE),
        (
            ("zero", "a", "--labels", "a, b", "--multi-label"),
            {"sequence": "a", "labels": ["a", "b"], "scores": [1, 0]},
        ),
        (
            ("zero", "a", "--labels", "a", "--hypothesis-template", "so {}", "--no-multi-label"),
            {"sequence": "a", "labels": ["so a"], "scores": [1]},
        ),
        (("embedder", "a", "--dimensions", "2"), [1, 2]),
        (("embedder", "a", "--output", "binary"), [31]),
        (("ranker", "x", "ab", "--query", "abc", "--top-k", "1"), [{"corpus_id": 1, "score": 2}]),
        (
            ("filler", "a [MASK]", "--targets", "x,y", "--top-k", "1"),
            [{"score": 1, "token": 0, "token_str": "x", "sequence": "a x"}],
        ),
    ],
)
def test_json_is_the_servers_result(predict: Command, arguments: tuple[str, ...], document: Any) -> None:
    assert json.loads(predict("predict", "--json", *arguments)) == document


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("pairs", "a", "--pair", "b"), ("a", "other", "1.0000")),
        (("tagger", "in Rome", "nothing"), ("in Rome", "NAME", "0.5000", "nothing")),
        (("answerer", "[b]who[/] :smile:?", "--context", "she did"), ("[b]who[/] :smile:?", "she", "0.2500")),
        (("answerer", "--question", "who?", "--context", "she"), ("who?", "she")),
        (("zero", "a", "--labels", "a,b"), ("a", "0.5000", "b", "0.0000")),
        (("embedder", "a"), ("8", "1 2 3 4 5 6 …")),
        (("ranker", "x", "ab", "--query", "abc"), ("abc", "2.0000", "ab", "0.0000")),
        (("filler", "a [MASK]"), ("a [MASK]", "one", "a two")),
    ],
)
def test_people_get_a_table(predict: Command, arguments: tuple[str, ...], shown: tuple[str, ...]) -> None:
    table = predict("predict", *arguments)
    assert "━" in table
    assert all(cell in table for cell in shown)


def test_lines_of_standard_input_are_what_the_options_leave_open(predict: Command) -> None:
    lines = b"who?\nhow?\n"
    assert predict("predict", "answerer", "--context", "she did", stdin=lines).splitlines() == [
        "she\t0.2500\t0\t3\twho?",
        "she did\t0.2500\t0\t7\thow?",
    ]
    assert predict("predict", "ranker", "--query", "ab", stdin=b"x\nab\n").splitlines() == [
        "1\t2.0000\tab\tab",
        "0\t0.0000\tx\tab",
    ]


FILES = {
    "pairs.csv": ("premise,hypothesis\na,a\na,b\n", "pairs", ["same", "other"]),
    "questions.jsonl": (
        '{"context": "she did", "question": "who?"}\n{"context": "he did", "question": "who?"}\n',
        "answerer",
        ["she", "he"],
    ),
    "labels.csv": ('text,labels\na,"b,a"\nx,x\n', "zero", ["a", "x"]),
    "labels.jsonl": ('{"text": "a", "candidate_labels": ["a, b", "a"]}\n', "zero", ["a"]),
    "ranks.csv": ("query,passage\nab,x\nab,ab\ny,y\n", "ranker", [1, 0]),
    "ranks.jsonl": (
        '{"query": "ab", "texts": ["x", "ab"]}\n{"query": "ab", "texts": ["b"]}\n',
        "ranker",
        [1, 0],
    ),
    "lines.txt": ("in Rome\nBonn\n", "tagger", ["Rome", "Bonn"]),
}


@pytest.mark.parametrize("name", FILES)
def test_files_hold_all_that_an_item_is_made_of(predict: Command, tmp_path: Path, name: str) -> None:
    content, model, firsts = FILES[name]
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    documents = [
        json.loads(line) for line in predict("predict", model, "--file", str(path), "--json").splitlines()
    ]
    best = [document[0] if isinstance(document, list) else document for document in documents]
    keys = ("label", "answer", "labels", "corpus_id", "word")
    found = [next(answer[key] for key in keys if key in answer) for answer in best]
    assert [value[0] if isinstance(value, list) else value for value in found] == firsts


def test_lines_end_with_what_is_the_items_own(predict: Command, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(f"context,question\nshe {'did ' * 20},who?\n", encoding="utf-8")
    (line,) = predict("predict", "answerer", "--file", str(path)).splitlines()
    assert line.split("\t")[-1] == f"who? | she {'did ' * 19}…"


def test_a_column_may_be_named_and_an_option_stand_for_another(predict: Command, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("page,title\nshe did,one\nhe did,two\n", encoding="utf-8")
    arguments = ("predict", "answerer", "--file", str(path), "--question", "who?", "--context-column")
    assert [line.split("\t")[0] for line in predict(*arguments, "page").splitlines()] == ["she", "he"]
    predict(*arguments, "nope", status=2)
    assert "no column 'nope'" in predict.errors


def test_bad_items_are_reported_and_left_behind(predict: Command) -> None:
    lines = b"in Rome\nrefuse\nin Bonn\n"
    out = predict("predict", "tagger", "--keep-going", "--json", stdin=lines, status=1)
    assert [json.loads(line) for line in out.splitlines()][1] == {
        "error": "Text 1 (counted from 0) says so; say something else."
    }
    assert len(predict("predict", "tagger", "--keep-going", stdin=lines, status=1).splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("pairs", "a"), "This model takes text and text pair together: give --pair, or --file with"),
        (("tagger", "a", "--pair", "b"), "token-classification, which has no --pair; its options are --aggr"),
        (("tagger", "a", "--top-k", "1"), "which has no --top-k; its options are --aggregation-strategy,"),
        (
            ("answerer", "who?"),
            "This model takes question and context together: give --question or --context",
        ),
        (("answerer", "x", "--question", "a", "--context", "b"), "--question and --context say everything"),
        (("zero", "a", "--labels", " , "), "Candidate labels 0 (counted from 0) are empty"),
        (("ranker", "a"), "This model takes query and texts together: give --query"),
        (("embedder", "a", "--output", "fp4"), "output takes 'float' or 'int8' or 'binary'"),
        (("embedder", "a", "--option", "x"), "--option takes NAME=VALUE, not 'x'"),
        (("embedder", "a", "--option", "x=1"), "which has no --x"),
        (("stranger", "a"), "got one for image-classification"),
        (("filler", "no mask"), "Text 0 (counted from 0) has no [MASK]"),
    ],
)
def test_a_users_mistake_is_one_sentence(predict: Command, arguments: tuple[str, ...], sentence: str) -> None:
    predict("predict", *arguments, status=2)
    assert sentence in " ".join(predict.errors.split())


def test_an_option_without_a_name_here_goes_to_its_task(predict: Command) -> None:
    arguments = ("tagger", "x", "--json", "--option", "stride=5", "--option", 'ignore_labels=["O"]')
    (told,) = json.loads(predict("predict", *arguments))
    assert json.loads(told["word"]) == {"ignore_labels": '["O"]', "stride": 5}
    (told,) = json.loads(predict("predict", "tagger", "x", "--json", "--ignore-labels", ""))
    assert json.loads(told["word"]) == {"ignore_labels": "[]"}


def test_every_option_of_every_task_has_its_place_on_the_command_line() -> None:
    declared = {name for options in TASK_OPTIONS.values() for name in options}
    for name in TASKS:
        task = task_named(name)
        wanted = {*task.options, *(field.option for field in task.fields if field.option)}
        columns = {f"{field.kind.replace(' ', '_')}_column" for field in task.fields}
        assert wanted | columns <= declared
