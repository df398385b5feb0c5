"""Laws of reading data files: the same rows out of every format, and one sentence with the place for every defect."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tritext.records import RecordsError, read_labelled_texts, read_texts

ROWS = [("Wo ist meine Karte? 🙂", "card"), ('he said "no", twice', "refund"), ("two\tparts", "card")]


def as_csv(path: Path) -> Path:
    path.write_text(
        'text,label\nWo ist meine Karte? 🙂,card\n"he said ""no"", twice",refund\ntwo\tparts,card\n'
    )
    return path


def as_semicolon_csv(path: Path) -> Path:
    path.write_text(
        'text;label\nWo ist meine Karte? 🙂;card\n"he said ""no"", twice";refund\ntwo\tparts;card\n'
    )
    return path


def as_csv_from_windows(path: Path) -> Path:
    path.write_bytes(as_csv(path).read_bytes().replace(b"\n", b"\r\n").join([b"\xef\xbb\xbf", b"\r\n"]))
    return path


def as_jsonl(path: Path) -> Path:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS))
    return path


def as_json(path: Path) -> Path:
    path.write_text(json.dumps([{"label": label, "text": text} for text, label in ROWS], indent=1))
    return path


def as_parquet(path: Path) -> Path:
    texts, labels = zip(*ROWS, strict=True)
    parquet.write_table(pa.table({"id": [1, 2, 3], "text": texts, "label": labels}), path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", as_csv),
        ("semicolons.csv", as_semicolon_csv),
        ("windows.CSV", as_csv_from_windows),
        ("a.jsonl", as_jsonl),
        ("lines.json", as_jsonl),
        ("a.json", as_json),
        ("a.parquet", as_parquet),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, write: Any) -> None:
    path = write(tmp_path / name)
    data = read_labelled_texts(path)
    assert list(zip(data.texts, data.labels, strict=True)) == [(text, (label,)) for text, label in ROWS]
    assert data.label_counts == {"card": 2, "refund": 1}
    assert not data.multi_label
    assert read_texts(path) == [text for text, _ in ROWS]


def test_quotes_are_plain_characters_in_tsv_and_columns_go_by_number_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('"Quoted" start\t27\tid1\n27 is my\'s "age\t2,27\tid2\nnothing\t\tid3\n')
    data = read_labelled_texts(path, text_column="0", label_column="1", label_separator=",")
    assert data.texts == ('"Quoted" start', "27 is my's \"age", "nothing")
    assert data.labels == (("27",), ("2", "27"), ())
    assert data.multi_label
    assert data.label_names == ("2", "27")


def test_lists_make_data_multi_label_and_an_absent_list_means_no_label(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        '[{"text": "a", "intents": ["x", "y", "x"]}, {"text": "b"}, {"text": "c", "intents": []}]'
    )
    data = read_labelled_texts(path)
    assert data.labels == (("x", "y"), (), ())
    assert data.label_column == "intents"


def test_numbers_and_truth_values_become_labels_in_the_order_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "t", "label": {value}}}\n' for value in ("10", "9", "2.0", "true")))
    assert read_labelled_texts(path).label_names == ("2", "9", "10", "true")


@pytest.mark.parametrize("column", ["Sentence", " utterance ", "TWEET", "message"])
def test_usual_column_names_are_recognised_in_any_case(tmp_path: Path, column: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,{column},Category\n1,hello,greeting\n")
    data = read_labelled_texts(path)
    assert (data.texts, data.labels) == (("hello",), (("greeting",),))


def test_a_field_may_be_larger_than_the_csv_modules_own_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{'x' * 1_000_000},a\n")
    assert len(read_labelled_texts(path).texts[0]) == 1_000_000


def test_plain_text_is_one_text_a_line_whatever_other_separators_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("first\r\nsecond\u2028still second\x0b\n\n".encode())
    assert read_texts(path) == ["first", "second\u2028still second\x0b"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", b"", "holds no rows"),
        ("a.csv", b"text,label\n", "holds no rows"),
        ("a.csv", b"text,label\nhi,a\nho\n", "line 3: expected 2 fields as in the first row, got 1"),
        ("a.csv", b"text,label\nhi,a\nho,b,c\n", "line 3: expected 2 fields as in the first row, got 3"),
        ("a.csv", b'text,label\n"two\nlines",a\nho,\n', "line 4: the label is missing"),
        ("a.csv", b"text,label\n   ,a\n", "line 2: the text is missing or empty"),
        ("a.csv", b'text,label\n"open,a\n', "this is not valid CSV"),
        ("a.csv", b"text,label\ncaf\xe9,a\n", "line 2: expected UTF-8"),
        (
            "a.csv",
            b"words,kind\nhi,a\n",
            "no column that is clearly the text; its columns are 'words', 'kind'",
        ),
        ("a.csv", b"text,kind\nhi,a\n", "choose with --label-column"),
        ("a.tsv", b"text\tlabel\nhi\ta\tb\n", "line 2: expected 2 fields"),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n{"text": "b"\n', "line 2: this is not valid JSON"),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n[1]\n', "line 2: expected a JSON object"),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n{"text": "b"}\n', "line 2: the label is missing"),
        ("a.jsonl", b'{"text": "a", "label": {"x": 1}}\n', "line 1: a label must be a word or a number"),
        ("a.jsonl", b'{"text": 5, "label": "x"}\n', "line 1: expected a text, got 5"),
        ("a.jsonl", b'{"text": "\\ud800", "label": "x"}\n', "line 1: half of a surrogate pair"),
        ("a.json", b'"text"', "expected a JSON list of objects"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.parquet", b"PAR1 not really", "a.parquet"),
        ("a.xlsx", b"", "Cannot tell the format"),
        ("noformat", b"", "Cannot tell the format"),
    ],
)
def test_a_defect_is_one_sentence_with_its_place(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecordsError) as caught:
        read_labelled_texts(path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no such file"):
        read_texts(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RecordsError, match="is a directory"):
        read_labelled_texts(tmp_path / "folder.csv")


def test_a_named_column_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "a.csv")
    with pytest.raises(RecordsError, match="no column 'body'; its columns are 'text', 'label'"):
        read_labelled_texts(path, text_column="body")


@pytest.mark.parametrize(("name", "content"), [("a.json", '["one", "two"]'), ("a.jsonl", '"one"\n"two"\n')])
def test_a_list_of_plain_strings_is_a_list_of_texts(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_texts(tmp_path / name) == ["one", "two"]
