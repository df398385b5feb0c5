"""What a run leaves for people and programs: `training_report.json`, `training_report.html`, `false_predictions.csv`.

It refuses to know how the figures came about; the HTML file is one piece, and every text of a user is escaped in it.
"""

import base64
import csv
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tritext_training import figures
from tritext_training.tasks import Evaluation

SHOWN_FALSE_PREDICTIONS = 30
SHOWN_CONFUSIONS = 15
LABEL_SEPARATOR = " | "

_NUMBERS = re.compile(r"\[\n\s*[-\d.e]+(,\s+[-\d.e]+)*\s+\]")
"""A list of numbers in indented JSON: a row of a matrix, which belongs on one line. No string holds a raw newline."""


def write_reports(folder: Path, report: dict[str, Any], evaluation: Evaluation) -> None:
    """Write the three files into `folder`."""
    text = json.dumps(_finite(report), indent=2, ensure_ascii=False, allow_nan=False)
    text = _NUMBERS.sub(lambda numbers: " ".join(numbers[0].split()), text)
    (folder / "training_report.json").write_text(text + "\n", encoding="utf-8")
    _write_false_predictions(folder / "false_predictions.csv", evaluation.false_predictions)
    (folder / "training_report.html").write_text(_html(report, evaluation), encoding="utf-8")


def _finite(value: Any) -> Any:
    """JSON knows no NaN: a figure that does not exist becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_false_predictions(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "expected", "predicted", "score"])
        for row in rows:
            names = [LABEL_SEPARATOR.join(row[column]) for column in ("expected", "predicted")]
            writer.writerow([row["text"], *names, row["score"]])


def _html(report: dict[str, Any], evaluation: Evaluation) -> str:
    environment = Environment(
        loader=PackageLoader("tritext_training", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    labels = report["data"]["labels"]
    single = report["data"]["problem_type"] == "single_label_classification"
    return environment.get_template("report.html").render(
        report=report,
        single=single,
        per_label=_with_errors(evaluation, single=single),
        curves=_data_uri(figures.curves(report["training"]["curves"], report["training"]["best_epoch"])),
        confusion=_data_uri(figures.confusion(evaluation.confusion, labels)) if single else None,
        most_labels=figures.MOST_LABELS,
        confusions=_worst_confusions(evaluation.confusion, labels) if single else [],
        false_predictions=evaluation.false_predictions[:SHOWN_FALSE_PREDICTIONS],
        false_prediction_count=len(evaluation.false_predictions),
    )


def _with_errors(evaluation: Evaluation, *, single: bool) -> list[dict[str, Any]]:
    """The per-label figures with the counts of false positives and false negatives beside them."""
    rows = []
    for index, row in enumerate(evaluation.per_label):
        if single:
            hits = evaluation.confusion[index][index]
            wrong = sum(line[index] for line in evaluation.confusion) - hits
            missed = row["support"] - hits
        else:
            ((_, wrong), (missed, _)) = evaluation.confusion[index]
        rows.append({**row, "wrong": wrong, "missed": missed})
    return rows


def _worst_confusions(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> list[tuple[int, str, str]]:
    pairs = [
        (count, labels[row], labels[column])
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: -pair[0])[:SHOWN_CONFUSIONS]


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
