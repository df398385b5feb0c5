"""A report shows what is known of one version and only of that, says what is missing, and lets no text be more than text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.perf import version_evidence as made
from tritext.cli import app
from tritext.errors import TritextError
from tritext.registry import CHECKPOINT, registry
from tritext_perf.version_report import Evidence, gather, html, write
from tritext_perf.version_report.errors import (
    NothingToReport,
    NotInRegistry,
    OtherModel,
    ReportUnwritable,
    SeveralVersions,
    StrangeDocument,
)
from tritext_perf.version_report.evidence import FalsePredictions, read_document
from tritext_perf.version_report.missing import missing
from tritext_perf.version_report.repository import manifest_path

ADDRESSES = (
    "src",
    "href",
    "srcset",
    "data",
    "action",
    "poster",
    "xlink:href",
    "style",
    "formaction",
    "background",
)
"""Attributes that can make a browser ask for something."""


class Read(HTMLParser):
    """What a page is made of: its elements, attributes that load or run something, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.loading: list[str] = []
        self.running: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name in ADDRESSES and not str(value).startswith(("#", "data:,", "--")):
                self.loading.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.running.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two versions, built from one checkpoint."""
    checkpoint = made.write_checkpoint(tmp_path / "checkpoints" / "mails")
    for version in (1, 2):
        made.write_version(tmp_path / "repository", version, checkpoint)
    return tmp_path / "repository"


@pytest.fixture
def evidence(repository: Path, tmp_path: Path) -> Evidence:
    """All there can be about version 2."""
    evaluation = made.write_json(tmp_path / "evaluation.json", made.evaluation())
    bench = made.write_json(tmp_path / "bench.json", made.bench())
    return gather("mails/2", models=repository, evaluation=evaluation, bench=bench)


def test_a_page_asks_for_nothing_and_runs_nothing_but_its_own_script(evidence: Evidence) -> None:
    """Texts of users stand in it as text, whatever they are; its style sheet names no address either."""
    page = html(evidence)
    read = Read(page)
    assert read.elements.count("script") == 1
    assert "img" not in read.elements
    assert read.loading == []
    assert read.running == []
    assert not re.search(r"@import|url\(", page[page.index("<style>") : page.index("</style>")])
    assert "default-src 'none'" in page
    shown = read.text.replace("\r\n", "\n")
    for name in ("script", "attribute", "template", "right_to_left", "emoji"):
        assert made.HOSTILE[name] in shown
    assert made.HOSTILE["long"] not in shown
    assert "(6,000 characters)" in shown


def test_the_figures_that_decide_come_first(evidence: Evidence) -> None:
    """Score, what the precision changed, size, throughput, p99, and whether the gates held."""
    page = html(evidence)
    head = Read(page[: page.index("<nav")]).text
    for figure in ("2 gates passed", "0.821", "\N{MINUS SIGN}0.0100", "59.6", "123", "31.0"):
        assert figure in head
    assert missing(evidence) == {}


def test_a_version_whose_gate_did_not_hold_is_said_to_have_failed(repository: Path) -> None:
    manifest = dict(gather("mails/1", models=repository).manifest or {})
    manifest["gates"] = [{**gate, "measured": float("nan")} for gate in manifest["gates"]]
    page = html(Evidence(title="mails/1", manifest=manifest))
    assert 'class="badge failed">2 of 2 gates failed' in page


@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("training", "tritext train --data"),
        ("manifest", "tritext build checkpoints/mails --name mails"),
        ("evaluation", "tritext evaluate mails --version 2"),
        ("bench", "tritext bench mails --version 2"),
        ("false_predictions", "tritext train --data"),
    ],
)
def test_what_is_missing_is_said_with_the_command_that_makes_it(
    evidence: Evidence, part: str, command: str
) -> None:
    nothing: dict[str, Any] = {part: None}
    lacking = replace(evidence, checkpoint="checkpoints/mails", **nothing)
    assert command in html(lacking)
    assert len(missing(lacking)) == 1


def test_a_checkpoint_alone_is_worth_a_report(tmp_path: Path) -> None:
    checkpoint = made.write_checkpoint(tmp_path / "mails")
    found = gather(str(checkpoint), models=tmp_path / "none")
    page = html(found)
    assert "not built" in page
    assert "2 of the 60 test rows" in page
    assert set(missing(found)) == {"gates", "served", "latency"}
    nothing = FalsePredictions(columns=(), rows=())
    assert "every test row was predicted right" in html(replace(found, false_predictions=nothing))


def test_a_checkpoint_brings_the_version_that_was_built_from_it(repository: Path, tmp_path: Path) -> None:
    """By the sha256 of the weights, and only where there is no choice to be made."""
    checkpoint = str(tmp_path / "checkpoints" / "mails")
    with pytest.raises(SeveralVersions, match="mails/1, mails/2: say with --name"):
        gather(checkpoint, models=repository)
    assert gather(checkpoint, models=repository, name="mails/1").title == "mails/1"
    assert gather(checkpoint, models=repository, name="mails").title == "mails/2"
    (repository / "mails_tokenizer" / "1" / "manifest.json").unlink()
    assert gather(checkpoint, models=repository).title == "mails/2"


def test_a_version_shows_its_training_only_while_the_checkpoint_is_the_same(
    repository: Path, tmp_path: Path
) -> None:
    assert gather("mails", models=repository).training is not None
    (tmp_path / "checkpoints" / "mails" / "model.safetensors").write_bytes(made.WEIGHTS[::-1])
    found = gather("mails", models=repository)
    assert found.training is None
    assert "has other weights by now" in html(found)


@pytest.mark.parametrize("source", ["mails/3", "nails", "", "mails/../mails/1"])
def test_what_is_neither_checkpoint_nor_version_is_refused_with_what_there_is(
    repository: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(NothingToReport, match=r"mails/1, mails/2"):
        gather(source, models=repository)


def test_figures_of_another_model_or_version_are_refused(repository: Path, tmp_path: Path) -> None:
    other = made.write_json(tmp_path / "evaluation.json", made.evaluation(model="nails"))
    with pytest.raises(OtherModel, match=r"about nails, and the report about mails/2"):
        gather("mails/2", models=repository, evaluation=other)
    bench = made.write_json(tmp_path / "bench.json", made.bench())
    with pytest.raises(OtherModel, match=r"about mails/2, and the report about mails/1"):
        gather("mails/1", models=repository, bench=bench)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": "mails"', '{"served": 1}'])
def test_a_file_that_is_no_evaluation_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    with pytest.raises(TritextError):
        read_document(path, "evaluation")


def test_a_document_with_something_else_behind_its_keys_is_one_sentence() -> None:
    with pytest.raises(StrangeDocument, match="figures as Tritext writes them"):
        html(Evidence(title="x", evaluation={"model": "x", "task": "t", "served": [1]}))


def test_other_tasks_lead_with_their_own_metric() -> None:
    """Entities with F1, not with the macro-F1 of their types; nothing of labels is shown where there are none."""
    evaluation = {"model": "x", "task": "token-classification", "served": {"macro_f1": 0.1, "f1": 0.777}}
    page = html(Evidence(title="x", evaluation=evaluation))
    assert "0.777" in Read(page[: page.index("<nav")]).text
    assert 'id="labels"' not in page


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write("lone surrogate \udcff", path)
    write("page", path)
    assert path.read_text() == "page"
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(ReportUnwritable, match="choose another file"):
        write("page", path / "below")


def test_the_page_of_a_registered_version_is_kept_with_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoint, build and evaluation come from the registry; the page goes there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs/mlflow.db")
    store = registry()
    run = store.start_run("trying", name="a run")
    run.log_folder(tmp_path / "checkpoints" / "mails", CHECKPOINT)
    version = store.register("mails", run_id=run.id)
    store.log_build(version, json.loads(manifest_path(repository, "mails", 1).read_text()))
    store.log_evaluation(version, made.evaluation())
    page = tmp_path / "mails.html"
    asked = ("report", "models:/mails", "--output", str(page), "--log", "--json")
    said = CliRunner().invoke(app, asked)
    assert json.loads(said.stdout) == {
        "report": str(page),
        "version": "models:/mails/1",
        "missing": ["latency"],
    }
    assert run.id in page.read_text()
    (kept,) = store.artifacts(version, "reports")
    assert kept.read_text() == page.read_text()


def test_only_registered_versions_keep_a_page(repository: Path, tmp_path: Path) -> None:
    """That is said before any work is done."""
    asked = (
        "report",
        "mails",
        "--repository",
        str(repository),
        "--output",
        str(tmp_path / "x.html"),
        "--log",
    )
    said = CliRunner().invoke(app, asked)
    assert isinstance(said.exception, NotInRegistry)
    assert not (tmp_path / "x.html").exists()
