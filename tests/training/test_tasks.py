"""Laws of every task: it learns, its best epoch is kept, its checkpoint is what others expect, its report is whole."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    pipeline,
)

from tests.training.conftest import options
from tests.training.test_outputs import Elements
from tests.training.tiny_base import TOPICS, make_tiny_base
from tests.training.tiny_tasks import KINDS, NAMES, make_data
from tritext.metrics import spans
from tritext.tagged import read_tagged_texts
from tritext_training.loop import default_learning_rate
from tritext_training.run import train

QUICK = {"epochs": 4, "learning_rate": 2e-3, "max_length": 24}


@dataclass(frozen=True, kw_only=True)
class Run:
    kind: str
    data: Path
    output: Path
    report: dict[str, Any]


@pytest.fixture(scope="session", params=list(KINDS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, base: Path) -> Run:
    """A finished run of each kind."""
    return finished(request.param, tmp_path_factory.mktemp("task"), base)


def finished(kind: str, folder: Path, base: Path, **given: Any) -> Run:
    task, *_, needed = KINDS[kind]
    data, output = make_data(folder, kind), folder / "out"
    report = train(
        options(
            **{"task": task, "data": data, "base": str(base), "output": output, **QUICK, **needed, **given}
        )
    )
    return Run(kind=kind, data=data, output=output, report=report)


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("tags", 1), ("questions", 1), ("inference", 1), ("numbers", 1), ("rankings", 0.5), ("pairs", 0.25)],
)
def test_the_default_learning_rate_is_lower_where_a_higher_one_forgets_what_the_base_knows(
    tmp_path: Path, base: Path, kind: str, factor: float
) -> None:
    report = finished(kind, tmp_path, base, learning_rate=None, epochs=1, max_samples=20).report
    width = AutoConfig.from_pretrained(base).hidden_size
    assert report["training"]["learning_rate"] == default_learning_rate(width, factor=factor)


def test_the_training_loss_falls(run: Run) -> None:
    losses = [point["train_loss"] for point in run.report["training"]["curves"]]
    assert losses[-1] < losses[0]


def test_the_best_epoch_by_the_tasks_own_figure_is_the_one_published(run: Run) -> None:
    training = run.report["training"]
    key = f"validation_{training['best_by']}"
    values = {point["epoch"]: point[key] for point in training["curves"]}
    best = min(values.values()) if training["best_by"] == "mse" else max(values.values())
    assert values[training["best_epoch"]] == best == training["best_figure"]
    near = {"fp32": 1e-5, "bf16": 0.01}[training["precision"]]  # the finished checkpoint is fp32
    published = run.report["metrics"]["validation"][training["best_by"]]
    assert published == pytest.approx(best, rel=near, abs=1e-5)


def test_the_report_is_whole_and_the_page_one_self_contained_file(run: Run) -> None:
    report = json.loads((run.output / "training_report.json").read_text())
    assert report["task"] == KINDS[run.kind][0]
    assert set(report["metrics"]) == {"validation", "test"}
    assert set(report["headline"].values()) <= set(report["metrics"]["test"].values())
    splits = report["data"]["splits"]
    assert list(splits) == ["train", "validation", "test"]
    assert all(split["rows"] > 0 for split in splits.values())
    assert all(leak["rows"] == 0 for leak in report["data"]["duplicates"]["leaks"])
    page = Elements((run.output / "training_report.html").read_text())
    assert "script" not in page.names
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert all(title in page.text for title in ("Training", "False predictions", "Data", "Environment"))


def test_false_predictions_are_listed_with_what_was_expected_and_predicted(run: Run) -> None:
    with (run.output / "false_predictions.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert {"expected", "predicted"} <= set(reader.fieldnames or ())
    assert len(rows) == run.report["false_predictions"]


HEADS = {
    "tags": (AutoModelForTokenClassification, ["O", *(f"B-{topic}" for topic in sorted(TOPICS))]),
    "questions": (AutoModelForQuestionAnswering, None),
    "pairs": (AutoModel, None),
    "similarities": (AutoModel, None),
    "rankings": (AutoModelForSequenceClassification, ["LABEL_0"]),
    "numbers": (AutoModelForSequenceClassification, ["LABEL_0"]),
    "inference": (AutoModelForSequenceClassification, NAMES.split(",")),
}


def test_transformers_loads_the_checkpoint_whole_with_the_right_head_and_labels(run: Run) -> None:
    head, labels = HEADS[run.kind]
    model, loading = head.from_pretrained(run.output, output_loading_info=True)
    assert not loading["missing_keys"]
    assert type(model).__name__ == run.report["model"]["architecture"]
    assert labels is None or list(model.config.id2label.values()) == labels
    assert AutoTokenizer.from_pretrained(run.output).model_max_length == run.report["model"]["max_length"]


PROBLEM_TYPES = {
    "numbers": "regression",
    "inference": "single_label_classification",
    "rankings": None,
}


@pytest.mark.parametrize("kind", PROBLEM_TYPES)
def test_the_configuration_says_what_the_outputs_mean(tmp_path: Path, base: Path, kind: str) -> None:
    config = AutoConfig.from_pretrained(finished(kind, tmp_path, base, epochs=1).output)
    assert config.problem_type == PROBLEM_TYPES[kind]


def test_token_tags_are_those_of_the_pipeline_and_entities_count_as_in_the_report(
    tmp_path: Path, base: Path
) -> None:
    """Over texts that the model reads in one piece."""
    run = finished("tags", tmp_path, base, max_length=48)
    test = tmp_path / "test.conll"
    lines = run.data.read_text().split("\n\n")[:30]
    test.write_text("\n\n".join(lines) + "\n")
    report = train(
        options(
            task="token-classification",
            data=run.data,
            eval_data=test,
            base=str(base),
            output=tmp_path / "again",
            **{**QUICK, "max_length": 48},
        )
    )
    tag = pipeline("token-classification", str(tmp_path / "again"), device="cpu", ignore_labels=[])
    rows = read_tagged_texts(test).rows
    given = [[token["entity"] for token in tag(row.text)] for row in rows]
    assert report["metrics"]["test"] == pytest.approx(spans.overall([row.tags for row in rows], given))


def test_sentence_transformers_reads_the_embeddings_that_were_tested(tmp_path: Path, base: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    run = finished("similarities", tmp_path, base)
    model = library.SentenceTransformer(str(run.output), device="cpu")
    with (run.output / "false_predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first, second = (model.encode([row[name] for row in rows]) for name in ("text", "text_pair"))
    cosines = (first * second).sum(axis=1)
    assert model.max_seq_length == QUICK["max_length"]
    assert np.linalg.norm(first, axis=1) == pytest.approx(1, abs=1e-5)
    assert cosines == pytest.approx([float(row["predicted"]) for row in rows], abs=1e-4)


def test_sentence_transformers_reads_the_ranker_as_a_cross_encoder(tmp_path: Path, base: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    run = finished("rankings", tmp_path, base, epochs=1, learning_rate=1e-6)
    model = library.CrossEncoder(str(run.output), device="cpu")
    with (run.output / "false_predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows, "hardly trained, it cannot be always right"
    scores = model.predict([(row["query"], row["predicted"]) for row in rows])
    assert scores == pytest.approx([float(row["score"]) for row in rows], abs=1e-4)


def labelled(path: Path, labels: list[str]) -> Path:
    words = [word for topic in TOPICS.values() for word in topic]
    rows = [f"{words[row % 12]} {row},{labels[row % len(labels)]}\n" for row in range(60)]
    path.write_text("text,label\n" + "".join(rows))
    return path


@pytest.mark.parametrize(
    ("labels", "given", "problem_type"),
    [
        (["1.5", "2", "3"], {}, "regression"),
        (["1", "2", "3"], {}, "single_label_classification"),
        (["1", "2", "3"], {"problem_type": "regression"}, "regression"),
        (["1.5", "2"], {"problem_type": "single_label_classification"}, "single_label_classification"),
        (["1.5", "two"], {}, "single_label_classification"),
        (["late", "dear"], {"problem_type": "multi_label_classification"}, "multi_label_classification"),
    ],
)
def test_what_labels_mean_is_told_by_the_option_or_by_whether_numbers_have_fractions(
    tmp_path: Path, base: Path, labels: list[str], given: dict[str, Any], problem_type: str
) -> None:
    data = labelled(tmp_path / "a.csv", labels)
    report = train(options(data=data, base=str(base), output=tmp_path / "out", epochs=1, **given))
    assert report["data"]["problem_type"] == problem_type
    assert AutoConfig.from_pretrained(tmp_path / "out").problem_type == problem_type


@pytest.mark.parametrize("kind", [*KINDS, "labels"])
def test_at_most_so_many_samples_are_used_and_none_is_in_two_places(
    tmp_path: Path, base: Path, kind: str
) -> None:
    if kind == "labels":
        data = labelled(tmp_path / "a.csv", ["a", "b"])
        report = train(options(data=data, base=str(base), output=tmp_path / "out", epochs=1, max_samples=40))
    else:
        report = finished(kind, tmp_path, base, epochs=1, max_samples=40).report
    splits = report["data"]["splits"]
    assert 30 <= sum(split["rows"] for split in splits.values()) <= 40
    assert all(leak["rows"] == 0 for leak in report["data"]["duplicates"]["leaks"])


@pytest.mark.parametrize("pooling", ["cls", "max", "mean"])
def test_the_bases_own_pooling_is_kept_and_is_that_of_sentence_transformers(
    tmp_path: Path, pooling: str
) -> None:
    library = pytest.importorskip("sentence_transformers")
    base = make_tiny_base(tmp_path / "base")
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"))
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds]
    (base / "modules.json").write_text(json.dumps(modules))
    (base / "1_Pooling").mkdir()
    (base / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode": pooling}))
    run = finished("similarities", tmp_path, base, epochs=1)
    model = library.SentenceTransformer(str(run.output), device="cpu")
    with (run.output / "false_predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first, second = (model.encode([row[name] for row in rows]) for name in ("text", "text_pair"))
    assert (first * second).sum(axis=1) == pytest.approx([float(row["predicted"]) for row in rows], abs=1e-4)


@pytest.mark.parametrize("kind", ["questions", "tags", "similarities", "rankings"])
def test_a_base_that_was_a_classifier_of_something_else_will_do(tmp_path: Path, kind: str) -> None:
    base = make_tiny_base(tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    names = {str(number): name for number, name in enumerate("abcdefg")}
    config |= {"id2label": names, "label2id": {name: int(number) for number, name in names.items()}}
    (base / "config.json").write_text(json.dumps({**config, "problem_type": "multi_label_classification"}))
    assert finished(kind, tmp_path, base, epochs=1).report["metrics"]["test"]
