"""Laws of putting parts together: in order, once, whole or not at all, in every format."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tritext_jobs.errors import OutputTaken
from tritext_jobs.work.joining import joined

HEAD = {"csv": '"a\nb",c\n', "tsv": "a\tb\n", "jsonl": ""}


def parts_of(folder: Path, form: str, bodies: list[str]) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number:020}.{form}" for number in range(len(bodies))]
    for path, body in zip(paths, bodies, strict=True):
        path.write_text(HEAD[form] + body, encoding="utf-8")
    return paths


@pytest.mark.parametrize("form", HEAD)
def test_text_keeps_one_header_and_every_row_in_order(tmp_path: Path, form: str) -> None:
    parts = parts_of(tmp_path / "parts", form, ["1,2\n", "", '"x\ny",4\n5,6\n'])
    joined(parts, tmp_path / f"output.{form}", overwrite=False)

    assert (tmp_path / f"output.{form}").read_text() == HEAD[form] + '1,2\n"x\ny",4\n5,6\n'


def test_parquet_keeps_types_and_order(tmp_path: Path) -> None:
    tables = [pa.table({"id": [1, 2], "score": [0.5, 1.0]}), pa.table({"id": [3], "score": [0.1]})]
    paths = [tmp_path / f"{number}.parquet" for number in range(2)]
    for table, path in zip(tables, paths, strict=True):
        parquet.write_table(table, path)
    joined(paths, tmp_path / "output.parquet", overwrite=False)

    assert parquet.read_table(tmp_path / "output.parquet") == pa.concat_tables(tables)


def test_what_somebody_else_wrote_is_replaced_only_if_asked(tmp_path: Path) -> None:
    output = tmp_path / "output.csv"
    output.write_text("mine")
    parts = parts_of(tmp_path / "parts", "csv", ["1,2\n"])
    with pytest.raises(OutputTaken, match="overwrite=true"):
        joined(parts, output, overwrite=False)
    assert output.read_text() == "mine"
    joined(parts, output, overwrite=True)

    assert output.read_text() == HEAD["csv"] + "1,2\n"


def test_done_again_it_does_nothing(tmp_path: Path) -> None:
    """As after a death between the renaming and the word of it."""
    output = tmp_path / "output.csv"
    parts = parts_of(tmp_path / "parts", "csv", ["1,2\n"])
    joined(parts, output, overwrite=False)
    before = output.stat()
    joined(parts, output, overwrite=False)

    assert output.stat().st_ino == before.st_ino
    assert [path.name for path in tmp_path.iterdir()].count("output.csv") == 1
    assert not list(tmp_path.glob(".output*"))
