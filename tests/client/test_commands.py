"""`tritext predict` and `tritext evaluate` from outside: what they print, and their exit statuses."""

import csv
import json
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.support.families import make
from tritext import Client
from tritext_serving import Server

LABELS = {"calm", "cross", "curious"}


@pytest.fixture
def tritext(server: Server) -> Command:
    return Command(server.grpc_url)


def test_one_text_is_one_json_document(tritext: Command) -> None:
    answer = json.loads(tritext("predict", "tiny", "a text", "--top-k", "2", "--json"))
    assert len(answer) == 2
    assert {label["label"] for label in answer} < LABELS


def test_people_get_a_table_that_shows_texts_as_they_are(tritext: Command) -> None:
    table = tritext("predict", "tiny", "[bold]a[/] text", "--", "-h")
    assert "[bold]a[/] text" in table
    assert "-h" in table


def test_standard_input_is_answered_line_for_line(tritext: Command) -> None:
    lines = "".join(f"text\t{number}\r\n" for number in range(150)).encode() + b"\nlast"
    rows = [line.split("\t") for line in tritext("predict", "tiny", stdin=lines).splitlines()]
    assert [text for _, _, text in rows] == [*(f"text {number}" for number in range(150)), "", "last"]
    assert {label for label, _, _ in rows} <= LABELS


def test_bad_lines_are_reported_and_left_behind(tritext: Command) -> None:
    lines = b"good\nbad \xff\ngood"
    documents = tritext("predict", "tiny", "--keep-going", "--json", stdin=lines, status=1).splitlines()
    assert ["error" in json.loads(document) for document in documents] == [False, True, False]
    assert "byte 0xff at position 4" in json.loads(documents[1])["error"]
    tritext("predict", "tiny", stdin=lines, status=2)
    assert "Text 1 (counted from 0) is not valid UTF-8" in tritext.errors


def test_files_are_read_by_their_column(tritext: Command, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("id,message\n1,hello\n2,there\n", encoding="utf-8")
    answers = tritext("predict", "tiny", "--file", str(path)).splitlines()
    assert [answer.split("\t")[-1] for answer in answers] == ["hello", "there"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("predict", "nope", "text"), 2, "no model 'nope'; there are: tiny."),
        (("predict", "tiny", "text", "--top-k", "0"), 2, "top_k takes a whole number"),
        (("predict", "tiny", "text", "--url", "ftp://x"), 2, "Cannot read the address"),
        (("predict", "tiny", "text", "--url", "127.0.0.1:1"), 4, "not available"),
        (("predict", "tiny", "text", "--timeout", "0.00001"), 4, "No answer within"),
        (("predict", "tiny", "text", "--file", "x.csv"), 2, "not both"),
        (("predict", "tiny", "--file", "x.csv"), 2, "Cannot read x.csv"),
        (("evaluate", "tiny", "--data", "x.csv"), 2, "Cannot read x.csv"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    tritext: Command, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    tritext(*arguments, status=status)
    assert sentence in " ".join(tritext.errors.split())


@pytest.fixture(scope="module")
def labelled(server: Server, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled as the model answers, but for the last ten rows."""
    with Client(server.grpc_url) as client:
        ranked = client.classify("tiny", texts[:60], top_k=2)
    path = tmp_path_factory.mktemp("labelled") / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number, (text, labels) in enumerate(zip(texts, ranked, strict=False)):
            writer.writerow([text, labels[number >= 50].label])
    return path


@pytest.mark.slow
def test_the_served_models_metrics_are_those_of_its_checkpoint(
    tritext: Command, labelled: Path, checkpoint: Path
) -> None:
    figures = json.loads(
        tritext("evaluate", "tiny", "--data", str(labelled), "--checkpoint", str(checkpoint), "--json")
    )
    assert figures["rows"] == 60
    assert figures["served"]["accuracy"] == pytest.approx(50 / 60)
    assert figures["served"] == figures["checkpoint"]
    assert figures["agreement"]["labels"] == 1
    assert figures["agreement"]["largest_difference"] < 1e-5


def test_evaluating_shows_a_table_with_every_label(tritext: Command, labelled: Path) -> None:
    table = tritext("evaluate", "tiny", "--data", str(labelled))
    assert "0.8333" in table
    assert all(label in table for label in LABELS)


def test_labels_that_the_model_does_not_have_are_named(tritext: Command, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("text,label\na,calm\nb,furious\n", encoding="utf-8")
    tritext("evaluate", "tiny", "--data", str(data), status=2)
    assert "'furious'" in tritext.errors


@pytest.mark.slow
def test_a_checkpoint_of_other_labels_is_refused(tritext: Command, labelled: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", labels=("calm", "cross", "bored"))
    tritext("evaluate", "tiny", "--data", str(labelled), "--checkpoint", str(other), status=2)
    assert "different labels" in tritext.errors
