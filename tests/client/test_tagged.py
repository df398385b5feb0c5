"""Laws of reading tagged texts: every notation gives the same tokens, places and tags."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tritext.tables import RecordsError
from tritext.tagged import read_tagged_texts

TOKENS = ["Zoë", "lives", "in", "New", "York", "."]
TAGS = ["B-person", "O", "O", "B-location", "I-location", "O"]
TEXT = "Zoë lives in New York ."
SPANS = [{"start": 0, "end": 3, "label": "person"}, {"start": 13, "end": 21, "label": "location"}]
PAIRS = list(zip(TOKENS, TAGS, strict=True))


def lines(separator: str, between: str) -> str:
    sentence = "\n".join(separator.join(pair) for pair in PAIRS)
    return f"{sentence}\n{between}\n{sentence}\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.conll", lines("\t", "")),
        ("a.annotated", lines("\t", "\t")),
        ("a.txt", lines(" NNP x ", "  \n")),
        ("a.tsv", "-DOCSTART- -X- O O\n\n" + lines("\t", "").replace("\n", "\r\n")),
        ("a.jsonl", 2 * (json.dumps({"tokens": TOKENS, "ner_tags": TAGS}) + "\n")),
        ("a.csv", "words,tags\n" + 2 * f"{' '.join(TOKENS)},{' '.join(TAGS)}\n"),
        ("a.json", json.dumps([{"id": 1, "text": TEXT, "spans": SPANS}] * 2)),
        (
            "a.ndjson",
            2 * (json.dumps({"text": TEXT, "label": [list(s.values()) for s in SPANS[::-1]]}) + "\n"),
        ),
    ],
)
def test_every_notation_gives_the_same_tokens_and_tags(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode())
    data = read_tagged_texts(tmp_path / name)
    assert len(data) == 2
    for row in data.rows:
        assert (row.text, list(row.tokens), list(row.tags)) == (TEXT, TOKENS, TAGS)
    assert data.tag_names == ("O", "B-location", "I-location", "B-person")


def test_parquet_holds_lists(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"tokens": [TOKENS], "tags": [TAGS]}), tmp_path / "a.parquet")
    assert read_tagged_texts(tmp_path / "a.parquet").rows[0].text == TEXT


@pytest.mark.parametrize(
    ("text", "spans", "tokens", "tags"),
    [
        ("(London), 今日は", [[1, 7, "X"], [10, 12, "T"]], "( London ) , 今 日 は", "O B-X O O B-T I-T O"),
        ("दिल्ली में", [[0, 6, "X"]], "दिल्ली में", "B-X O"),
        ("anti-EU 3.5%", [[5, 7, "X"]], "anti - EU 3 . 5 %", "O O B-X O O O O"),
        ("unfinished", [[0, 2, "X"]], "un finished", "B-X O"),
        ("a b", [[0, 1, "X"], [2, 3, "X"]], "a b", "B-X B-X"),
        ("nothing", [], "nothing", "O"),
        ("nothing", None, "nothing", "O"),
    ],
)
def test_spans_cut_words_at_their_ends(
    tmp_path: Path, text: str, spans: object, tokens: str, tags: str
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text, "spans": spans}))
    (row,) = read_tagged_texts(tmp_path / "a.jsonl").rows
    assert (row.tokens, row.tags) == (tuple(tokens.split()), tuple(tags.split()))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.conll", "", "holds no rows"),
        ("a.conll", "EU\tB-x\nrejects\n", "line 2: expected a token and its tag, got 'rejects'"),
        ("a.conll", "EU\tB-x\nrejects\t\n", "line 2: expected a token and its tag"),
        ("a.conll", "\tB-x\n", "line 1: expected a token and its tag"),
        (
            "a.jsonl",
            '{"tokens": ["a"], "tags": []}',
            "line 1: expected a tag for each of the 1 tokens, got 0",
        ),
        ("a.jsonl", '{"tokens": [], "tags": []}', "line 1: the tokens are missing or empty"),
        (
            "a.jsonl",
            '{"tokens": ["a"], "tags": [3]}',
            "line 1: a tag must be a name such as B-person or O, got 3",
        ),
        ("a.jsonl", '{"tokens": ["a"], "tags": 3}', "line 1: expected a list as the tags, got 3"),
        ("a.jsonl", '{"tokens": ["a", " "], "tags": ["O", "O"]}', "line 1: the token is missing or empty"),
        ("a.jsonl", '{"tokens": ["a"]}', "no column that is clearly the tags"),
        ("a.jsonl", '{"text": "ab", "spans": [[0, 3, "x"]]}', "characters 0 to 3 are no entity"),
        ("a.jsonl", '{"text": "a b", "spans": [[1, 2, "x"]]}', "characters 1 to 2 are no entity"),
        ("a.jsonl", '{"text": "ab", "spans": [[0, 2, "x"], [1, 2, "y"]]}', "two entities overlap: 'ab'"),
        ("a.jsonl", '{"text": "ab", "spans": [7]}', "a span must be like"),
        ("a.jsonl", '{"text": "ab", "spans": [{"start": 0, "label": "x"}]}', "a span must be like"),
        ("a.jsonl", '{"text": "ab", "spans": "x"}', "expected a list of spans"),
        ("a.jsonl", '{"body": "ab"}', "choose with --spans-column"),
    ],
)
def test_a_defect_is_one_sentence_with_its_place(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RecordsError) as caught:
        read_tagged_texts(tmp_path / name)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_can_be_named(tmp_path: Path) -> None:
    row = {"tokens": ["x"], "pieces": TOKENS, "mine": TAGS, "tags": ["O"]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (found,) = read_tagged_texts(tmp_path / "a.jsonl", tokens_column="pieces", tags_column="mine").rows
    assert (list(found.tokens), list(found.tags)) == (TOKENS, TAGS)
    with pytest.raises(RecordsError, match="no column 'none'"):
        read_tagged_texts(tmp_path / "a.jsonl", tags_column="none")
