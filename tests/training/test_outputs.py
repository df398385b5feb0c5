"""Laws of what a finished run leaves: a plain checkpoint, and reports that say what is true of it."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from tests.training.conftest import options
from tests.training.tiny_base import TOPICS
from tritext.records import read_labelled_texts
from tritext_training.base import load_base
from tritext_training.run import train
from tritext_training.tasks import open_task


def report_of(output: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((output / "training_report.json").read_text())
    return report


def scores_one_by_one(checkpoint: Path, texts: tuple[str, ...]) -> Any:
    """Logits without any batching, padding or sorting."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    with torch.inference_mode():
        rows = [
            model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0].numpy() for text in texts
        ]
    return np.stack(rows)


def test_the_output_is_a_plain_checkpoint_and_three_reports(single: Path) -> None:
    names = {path.name for path in single.iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *("training_report.json", "training_report.html", "false_predictions.csv"),
    }
    assert not (single.parent / f".{single.name}.training").exists(), "the work folder is gone"
    assert all(path.stat().st_mode & 0o044 for path in single.iterdir()), "others may read it"


def test_labels_and_problem_type_are_in_the_configuration(single: Path, multi: Path) -> None:
    for output, problem_type in (
        (single, "single_label_classification"),
        (multi, "multi_label_classification"),
    ):
        config = AutoConfig.from_pretrained(output)
        assert list(config.id2label.values()) == sorted(TOPICS)
        assert config.label2id == {label: index for index, label in config.id2label.items()}
        assert config.problem_type == problem_type


def test_the_tokenizer_carries_the_trained_length_and_no_state_of_a_batch(single: Path) -> None:
    assert AutoTokenizer.from_pretrained(single).model_max_length == 16
    saved = json.loads((single / "tokenizer.json").read_text())
    assert saved["truncation"] is None
    assert saved["padding"] is None


def test_no_path_of_this_machine_is_in_the_checkpoint(single: Path, base: Path) -> None:
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json"):
        assert str(base) not in (single / name).read_text()


def test_reported_figures_equal_those_recomputed_one_text_at_a_time(single: Path, test_topics: Path) -> None:
    data = read_labelled_texts(test_topics)
    names = AutoConfig.from_pretrained(single).id2label
    predicted = [names[index] for index in scores_one_by_one(single, data.texts).argmax(axis=1)]
    expected = [row[0] for row in data.labels]
    report = report_of(single)
    for average in ("macro", "micro", "weighted"):
        recomputed = f1_score(expected, predicted, average=average, zero_division=0)
        assert report["metrics"]["test"][f"{average}_f1"] == pytest.approx(recomputed)
    assert sum(map(sum, report["confusion"])) == len(data)
    assert [row["support"] for row in report["per_label"]] == [
        expected.count(label) for label in sorted(TOPICS)
    ]
    wrong = {text for text, right, said in zip(data.texts, expected, predicted, strict=True) if right != said}
    with (single / "false_predictions.csv").open(newline="") as file:
        assert {row["text"] for row in csv.DictReader(file)} == wrong
    assert report["false_predictions"] == len(wrong)


def test_the_tiny_model_learns(single: Path, multi: Path) -> None:
    assert report_of(single)["metrics"]["test"]["macro_f1"] > 0.9
    assert report_of(multi)["metrics"]["test"]["macro_f1"] > 0.65, "always saying yes gives 0.6"


def test_the_best_epoch_is_the_one_published(single: Path) -> None:
    report = report_of(single)
    figures = {point["epoch"]: point["validation_macro_f1"] for point in report["training"]["curves"]}
    assert figures[report["training"]["best_epoch"]] == max(figures.values())
    assert report["metrics"]["validation"]["macro_f1"] == pytest.approx(max(figures.values()))


def test_a_threshold_is_in_the_configuration_and_the_report(
    tmp_path: Path, base: Path, multi: Path, multi_data: Path
) -> None:
    chosen = json.loads((multi / "config.json").read_text())["threshold"]
    assert 0 < chosen < 1
    assert report_of(multi)["model"]["threshold"] == chosen
    train(options(data=multi_data, base=str(base), output=tmp_path / "out", threshold=0.97, epochs=1))
    assert AutoConfig.from_pretrained(tmp_path / "out").threshold == 0.97
    assert report_of(tmp_path / "out")["per_label"][0]["recall"] < 0.5, "hardly anything is that sure"


def test_splits_of_one_file_share_no_row(multi: Path, multi_data: Path) -> None:
    splits = report_of(multi)["data"]["splits"]
    assert sum(split["rows"] for split in splits.values()) == len(read_labelled_texts(multi_data))
    assert all(leak["rows"] == 0 for leak in report_of(multi)["data"]["duplicates"]["leaks"])


def test_test_rows_have_no_influence_on_the_weights(
    tmp_path: Path, base: Path, topics: Path, single: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("text,label\niron,river\nplum,metal\nnile,fruit\n")
    train(options(data=topics, eval_data=other, base=str(base), output=tmp_path / "out"))
    assert (tmp_path / "out/model.safetensors").read_bytes() == (single / "model.safetensors").read_bytes()
    assert report_of(tmp_path / "out")["metrics"]["test"]["accuracy"] == 0


class Elements(HTMLParser):
    """The names of all elements and all text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(2)>'


def test_texts_and_labels_of_users_are_only_ever_text_in_the_html_report(tmp_path: Path, base: Path) -> None:
    labels = ["<b>bold</b>", "$\\frac{1}{0}$ {{ 7*7 }}", "日本語 🙂"]
    rows = [{"text": f"apple iron {HOSTILE} {row}", "label": labels[row % 3]} for row in range(40)]
    data = tmp_path / "hostile.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train(options(data=data, base=str(base), output=tmp_path / "out", epochs=1))
    page = Elements((tmp_path / "out/training_report.html").read_text())
    assert "script" not in page.names
    assert "b" in page.names, "the template's own"
    assert HOSTILE in page.text
    assert all(label in page.text for label in labels)
    assert all(link.startswith("data:image/png;base64,") for link in page.links), "one self-contained file"
    assert list(AutoConfig.from_pretrained(tmp_path / "out").id2label.values()) == sorted(labels)


def test_an_untrained_head_predicts_the_frequencies_of_the_labels(
    base: Path, multi_data: Path, topics: Path
) -> None:
    for data, odds in ((topics, np.log), (multi_data, lambda share: np.log(share / (1 - share)))):
        given = options(data=data, base=str(base), output=Path("unused"))
        task = open_task(given)
        model = task.model(load_base(given.base, revision=None))
        counts = np.array(list(task.facts["splits"]["train"]["label_counts"].values()))
        assert model.get_parameter("classifier.bias").detach().numpy() == pytest.approx(
            odds(counts / task.rows), abs=0.05
        )
