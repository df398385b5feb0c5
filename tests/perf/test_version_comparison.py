"""A comparison tells every answer that changed, in which direction, and whether that is more than chance."""

import io
import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from rich.console import Console

from tests.client.conftest import Command
from tests.perf.version_evidence import HOSTILE
from tests.support.families import gate_texts
from tritext_perf.version_report import comparison
from tritext_perf.version_report.changes import Changes, Decision, Row
from tritext_perf.version_report.significance import McNemar
from tritext_serving import Server

LABELS = ("a", "b", "c")


def decision(*labels: str, score: float = 0.8) -> Decision:
    rest = (1 - score) / 2
    return Decision(labels=labels, scores={label: score if label in labels else rest for label in LABELS})


def row(expected: str | None, first: str, second: str, *, text: str = "text", score: float = 0.8) -> Row:
    truth = None if expected is None else tuple(expected)
    return Row(text=text, expected=truth, first=decision(*first), second=decision(*second, score=score))


def changes(*rows: Row, multi_label: bool = False) -> Changes:
    return Changes(first="x/1", second="x/2", data="data.csv", rows=rows, multi_label=multi_label)


@pytest.mark.parametrize(
    ("expected", "first", "second", "direction"),
    [
        ("a", "a", "a", "same"),
        ("a", "b", "b", "same"),
        ("a", "a", "b", "broken"),
        ("a", "b", "a", "fixed"),
        ("a", "b", "c", "still wrong"),
        (None, "a", "b", "changed"),
        (None, "a", "a", "same"),
        ("ab", "ba", "ab", "same"),
        ("ab", "ab", "a", "broken"),
        ("ab", "a", "b", "still wrong"),
        ("", "a", "", "fixed"),
    ],
)
def test_every_change_has_one_direction(
    expected: str | None, first: str, second: str, direction: str
) -> None:
    """Of one label a row, of several, and of none; several labels are right if all of them are."""
    assert row(expected, first, second).direction == direction


@pytest.mark.parametrize(("one", "other"), [(0, 0), (1, 0), (3, 12), (12, 3), (7, 7), (0, 40)])
def test_mcnemars_probability_is_that_of_the_binomial_distribution(one: int, other: int) -> None:
    """Both tails of a fair coin's throws, added up as fractions."""
    total, fewest = one + other, min(one, other)
    tail = sum(Fraction(math.comb(total, heads), 2**total) for heads in range(fewest + 1))
    assert McNemar(only_first=one, only_second=other).p_value == pytest.approx(float(min(1, 2 * tail)))


def test_a_verdict_needs_more_than_chance() -> None:
    better = [row("a", "b", "a")] * 9 + [row("a", "a", "b")]
    assert comparison.verdict(changes(*better))[0] == "better"
    assert (
        comparison.verdict(
            changes(*(row("a", each.second.labels[0], each.first.labels[0]) for each in better))
        )[0]
        == "worse"
    )
    assert comparison.verdict(changes(*better[:3]))[0] == "none"


def test_the_metrics_of_both_are_told_with_those_of_every_label() -> None:
    found = changes(row("a", "a", "b"), row("b", "b", "b"), row("c", "a", "c"), row("c", "a", "c"))
    assert (found.metrics["first"]["accuracy"], found.metrics["second"]["accuracy"]) == (0.5, 0.75)
    moved = {each.label: each.difference for each in comparison.label_changes(found)}
    assert moved["c"] == pytest.approx(1.0)
    assert [each.direction for each in found.changed] == ["broken", "fixed", "fixed"]


def test_labels_that_only_one_version_knows_count() -> None:
    """A version that learnt a label is better at it, not another model."""
    new = Decision(labels=("new",), scores={"a": 0.1, "new": 0.9})
    found = changes(Row(text="x", expected=("new",), first=decision("a"), second=new))
    assert found.labels == ("a", "b", "c", "new")
    assert found.directions["fixed"] == 1


def test_scores_that_moved_are_told_where_the_answer_is_the_same() -> None:
    found = changes(row("a", "a", "a", score=0.9), row("a", "a", "a", score=0.6), row("a", "a", "a"))
    assert [round(each.moved, 2) for each in found.moved] == [0.2, 0.1]


def test_the_page_of_a_comparison_shows_hostile_texts_as_they_are() -> None:
    """Also where nobody knows what is right, and where nothing changed."""
    rows = [row("a", "a", "b", text=text) for text in HOSTILE.values()]
    unknown = [row(None, "a", "b", text=text) for text in HOSTILE.values()]
    for page in (comparison.html(changes(*rows)), comparison.html(changes(*unknown))):
        assert page.count("<script>") == 1
        assert "<img" not in page
        assert "&lt;script&gt;alert" in page
    assert "No answer changed" in comparison.html(changes(row("a", "a", "a")))


def test_a_terminal_shows_markup_in_texts_as_it_is() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    comparison.show(changes(row("a", "a", "b", text="[bold]not bold[/] " + HOSTILE["script"])), console)
    shown = console.export_text()
    assert "broken: a 0.80 → b 0.80, expected a" in shown
    assert "[bold]not bold[/] <script>" in shown


# ---- through a server


@pytest.fixture
def tritext(server: Server) -> Command:
    return Command(server.grpc_url)


def data(path: Path, labels: tuple[str, ...] | None) -> str:
    texts = gate_texts()[:40]
    rows = [
        {"text": text} if labels is None else {"text": text, "label": labels[place % len(labels)]}
        for place, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return str(path)


def test_two_served_models_are_compared_on_the_same_texts(tritext: Command, tmp_path: Path) -> None:
    """What is printed, the JSON and the page are about the same answers; the metrics are those of `evaluate`."""
    held_out, page = data(tmp_path / "data.jsonl", ("calm", "cross", "curious")), tmp_path / "page.html"
    asked = ("compare", "tiny/1", "tiny_int8", "--data", held_out)
    found = json.loads(tritext(*asked, "--json", "--html", str(page)))
    assert (found["first"], found["second"], found["rows"]) == ("tiny/1", "tiny_int8/1", 40)
    assert sum(found["directions"].values()) == 40
    assert len(found["changed"]) == 40 - found["directions"]["same"]
    evaluated = json.loads(tritext("evaluate", "tiny_int8", "--data", held_out, "--json"))["served"]
    assert found["metrics"]["second"] == pytest.approx(
        {key: evaluated[key] for key in found["metrics"]["second"]}
    )
    assert "tiny_int8/1" in page.read_text(encoding="utf-8")


def test_without_labels_the_agreement_is_told(tritext: Command, tmp_path: Path) -> None:
    """Also of models with any number of labels a text, which is seen in their scores."""
    unlabelled = data(tmp_path / "data.jsonl", None)
    assert "nobody can say which" in tritext("compare", "tiny", "tiny_bf16", "--data", unlabelled)
    found = json.loads(tritext("compare", "tiny", "tiny_multi", "--data", unlabelled, "--json"))
    assert found["metrics"] is None
    assert set(found["directions"]) == {"changed", "same"}


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("tiny", "tiny/1", "Both sides are tiny/1"),
        ("tiny", "tiny_model", "`tritext compare` is for text-classification with labels"),
        ("tiny", "tiny/7", "no model 'tiny' version 7"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    tritext: Command, tmp_path: Path, first: str, second: str, sentence: str
) -> None:
    tritext("compare", first, second, "--data", data(tmp_path / "data.jsonl", None), status=2)
    assert sentence in " ".join(tritext.errors.split())
