"""Laws of reading pairs of texts, with labels, numbers, neither, or as rankings."""

from pathlib import Path

import pytest

from tritext.pairs import read_pairs, read_plain_pairs, read_rankings, read_scored_pairs
from tritext.records import read_scored_texts
from tritext.tables import RecordsError


def written(tmp_path: Path, content: str, name: str = "a.csv") -> Path:
    (tmp_path / name).write_text(content)
    return tmp_path / name


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("premise,hypothesis,label", {}),
        ("text,text_pair,category", {}),
        ("Sentence1,Sentence2,class", {}),
        ("a,b,c", {"text_column": "a", "text_pair_column": "b", "label_column": "c"}),
        ("text,label,topic", {"text_pair_column": "label"}),
    ],
)
def test_pairs_and_labels_stay_together(tmp_path: Path, header: str, options: dict[str, str]) -> None:
    data = read_pairs(
        written(tmp_path, f"{header}\nA man.,A human.,entailment\nA man.,A cat.,no\n"), **options
    )
    assert data.texts == ("A man.", "A man.")
    assert data.text_pairs == ("A human.", "A cat.")
    assert data.labels == (("entailment",), ("no",))


def test_columns_go_by_number_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "A man.\tA human.\t0.5\n", "a.tsv")
    data = read_scored_pairs(path, text_column="0", text_pair_column="1", score_column="2")
    assert (data.texts, data.text_pairs, data.scores) == (("A man.",), ("A human.",), (0.5,))


def test_texts_may_have_a_number_each(tmp_path: Path) -> None:
    data = read_scored_texts(
        written(tmp_path, '{"text": "good", "stars": 4}\n{"text": "bad", "stars": "1e0"}', "a.jsonl")
    )
    assert (data.texts, data.text_pairs, data.scores) == (("good", "bad"), None, (4.0, 1.0))


def test_pairs_need_no_label(tmp_path: Path) -> None:
    assert read_plain_pairs(written(tmp_path, "anchor,positive\nq,a\n")) == (("q", "a"),)


def test_rankings_group_by_query_in_the_order_of_the_file(tmp_path: Path) -> None:
    data = read_rankings(written(tmp_path, "qtext,label,atext\nq2,1,b\nq1,0,c\nq2,0,a\nq1,2,d\n"))
    assert [(each.query, each.texts, each.relevances) for each in data.queries] == [
        ("q2", ("b", "a"), (1, 0)),
        ("q1", ("c", "d"), (0, 2)),
    ]
    assert len(data) == 2


@pytest.mark.parametrize("value", ["good", "nan", "inf", "1" * 400 + "e9", ""])
def test_what_is_no_finite_number_is_told_with_its_place(tmp_path: Path, value: str) -> None:
    with pytest.raises(RecordsError, match=r"a\.csv, line 2: (expected a number as the|the) score"):
        read_scored_texts(written(tmp_path, f"text,score\nx,{value}\n"))


def test_a_column_that_cannot_be_guessed_is_asked_for_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(
        RecordsError, match=r"no column that is clearly the text pair; .* --text-pair-column NAME"
    ):
        read_pairs(written(tmp_path, "text,label\na,b\n"))
    with pytest.raises(RecordsError, match="--query-column NAME"):
        read_rankings(written(tmp_path, "text,label\na,b\n"))


def test_one_column_is_never_taken_for_two(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no column that is clearly the text pair"):
        read_plain_pairs(written(tmp_path, "text,label\na,b\n"), text_column="text", text_pair_column="text")
