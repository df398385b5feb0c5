"""What is served is what the original library answers: a selection of the table that `python -m tests.parity` makes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.parity.cases import CASES
from tests.parity.comparing import Outcome, Scored, Tally, by_place, in_order, ranked, vectors
from tests.parity.corpus import gate_corpus
from tests.parity.measuring import FORMATS, Cell, key_of, measure
from tests.parity.page import render
from tests.parity.results import Results
from tests.parity.subjects import Subject, subjects

ROOT = Path(__file__).parents[2]

SELECTION = {
    ("text-classification", "roberta", "onnx"),
    ("text-classification, several labels", "albert", "torchscript"),
    ("text-classification, regression", "deberta-v2", "torchscript"),
    ("text-classification, pairs", "bert", "torchscript"),
    ("token-classification", "xlm-roberta", "onnx"),
    ("token-classification", "deberta", "torchscript"),
    ("question-answering", "electra", "onnx"),
    ("question-answering", "roberta", "torchscript"),
    ("zero-shot-classification", "deberta-v3", "onnx"),
    ("zero-shot-classification", "bert-multilingual", "torchscript"),
    ("feature-extraction", "mpnet", "onnx"),
    ("feature-extraction", "modernbert", "torchscript"),
    ("text-ranking", "bert-chinese", "onnx"),
    ("text-ranking", "xlm-roberta", "torchscript"),
    ("fill-mask", "distilbert", "onnx"),
    ("fill-mask", "camembert", "torchscript"),
    ("text-classification", "modernbert", "openvino"),
    ("token-classification", "bert", "openvino"),
    ("question-answering", "distilbert", "openvino"),
    ("zero-shot-classification", "roberta", "openvino"),
    ("feature-extraction", "albert", "openvino"),
    ("text-ranking", "mpnet", "openvino"),
    ("fill-mask", "electra", "openvino"),
}
"""Every case, every task with two families, in all formats."""


@pytest.fixture(scope="module")
def cells() -> Mapping[str, Cell]:
    wanted = [(Subject(case_name=case, family=family), (form,)) for case, family, form in sorted(SELECTION)]
    return {cell.key: cell for cell in measure(wanted, gate_corpus(every=3), data=None)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", ["/".join(chosen) for chosen in sorted(SELECTION)])
def test_served_answers_are_the_originals(cells: Mapping[str, Cell], key: str) -> None:
    cell = cells[key]
    if reason := cell.subject.case.lacks():
        pytest.skip(reason)
    assert cell.passed, cell.reason or cell.tally
    assert cell.tally is not None
    assert cell.tally.answers >= 100


def test_the_selection_has_every_case_and_every_task_in_all_formats() -> None:
    assert {case for case, _, _ in SELECTION} == set(CASES)
    for task in {case.task for case in CASES.values()}:
        chosen = [entry for entry in SELECTION if CASES[entry[0]].task == task]
        assert {form for _, _, form in chosen} == {*FORMATS, "openvino"}
        assert len({family for _, family, _ in chosen}) > 1


# ---- what counts as the same

RIGHT: list[Scored] = [("a", 0.5), ("b", 0.3), ("c", 0.2999995), ("d", 0.1)]


def verdict(outcome: Outcome) -> str:
    tally = Tally()
    tally.add(outcome, asked=None, served=None, original=None)
    return "wrong" if not tally.passed else "tied" if tally.tied else "identical"


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        (RIGHT, "identical"),
        ([RIGHT[0], RIGHT[2], RIGHT[1], RIGHT[3]], "tied"),
        ([RIGHT[1], RIGHT[0], *RIGHT[2:]], "wrong"),
        (RIGHT[:3], "wrong"),
        ([*RIGHT[:3], ("e", 0.1)], "wrong"),
        ([("a", 0.5002), *RIGHT[1:]], "wrong"),
        ([("a", float("nan")), *RIGHT[1:]], "wrong"),
        ([*RIGHT[:3], ("d", float("nan"))], "wrong"),
        ([], "wrong"),
    ],
)
def test_only_near_ties_may_change_places(served: list[Scored], expected: str) -> None:
    assert verdict(ranked(served, RIGHT)) == expected
    assert (verdict(by_place(served, RIGHT)) == "wrong") == (expected == "wrong")


def test_a_near_tie_with_what_was_not_asked_for_is_one() -> None:
    assert verdict(ranked([RIGHT[0], RIGHT[2]], RIGHT, count=2)) == "tied"
    assert verdict(ranked([RIGHT[0], RIGHT[3]], RIGHT, count=2)) == "wrong"


@pytest.mark.parametrize("served", [RIGHT[::-1], RIGHT[1:], [*RIGHT, RIGHT[0]], [("a", 0.6), *RIGHT[1:]]])
def test_spans_of_a_text_stand_in_its_order(served: Any) -> None:
    assert verdict(in_order(RIGHT, RIGHT)) == "identical"
    assert verdict(in_order(served, RIGHT)) == "wrong"


@pytest.mark.parametrize("served", [[1.0, 0.01], [1.0], [float("nan"), 0.0], [-1.0, 0.0]])
def test_embeddings_point_the_same_way(served: Any) -> None:
    assert verdict(vectors([1.0, 0.0], [1.0, 0.0])) == "identical"
    assert verdict(vectors(served, [1.0, 0.0])) == "wrong"


def test_no_answers_are_no_parity() -> None:
    assert not Tally().passed


# ---- the table


def test_cells_that_passed_are_kept_and_the_others_made_again(tmp_path: Path) -> None:
    subject = Subject(case_name="fill-mask", family="bert")
    for form, passed in (("onnx", True), ("torchscript", False)):
        Results(tmp_path / "parity.json").keep(Cell(subject=subject, form=form, tally=Tally(), passed=passed))
    kept = Results(tmp_path / "parity.json")
    assert [kept.is_done(key_of(subject, form)) for form in FORMATS] == [True, False]


def test_the_page_is_that_of_the_newest_figures_and_every_cell_has_one_or_a_reason() -> None:
    figures = Results(max((ROOT / "perf" / "results").glob("*/parity.json")))
    page = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
    assert page == render(figures.facts, figures.cells)
    assert set(figures.cells) == {key_of(subject, form) for subject in subjects() for form in FORMATS}
    assert all(cell["passed"] for cell in figures.cells.values())
