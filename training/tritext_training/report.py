"""What a run leaves for people and programs: `training_report.json`, `training_report.html`, `false_predictions.csv`.

It refuses to know the tasks; the HTML file is one piece, and every text of a user is escaped in it.
"""

import base64
import csv
import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tritext_training import figures
from tritext_training.sections import Column, Mistakes
from tritext_training.tasks import Evaluation, Task

SHOWN_FALSE_PREDICTIONS = 30
SHOWN_CHARACTERS = 400
SEPARATOR = " | "
NONE = "\N{EN DASH}"

_NUMBERS = re.compile(r"\[\n\s*[-\d.e]+(,\s+[-\d.e]+)*\s+\]")
"""A list of numbers in indented JSON: a row of a matrix, which belongs on one line. No string holds a raw newline."""


def write_reports(folder: Path, report: dict[str, Any], evaluation: Evaluation, task: Task) -> None:
    """Write the three files into `folder`."""
    text = json.dumps(_finite(report), indent=2, ensure_ascii=False, allow_nan=False)
    text = _NUMBERS.sub(lambda numbers: " ".join(numbers[0].split()), text)
    (folder / "training_report.json").write_text(text + "\n", encoding="utf-8")
    _write_false_predictions(folder / "false_predictions.csv", evaluation.mistakes)
    (folder / "training_report.html").write_text(_html(report, evaluation, task), encoding="utf-8")


def _finite(value: Any) -> Any:
    """JSON knows no NaN: a figure that does not exist becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_false_predictions(path: Path, mistakes: Mistakes) -> None:
    keys = [column.key for column in mistakes.columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(keys)
        for row in mistakes.rows:
            values = [row[key] for key in keys]
            writer.writerow([SEPARATOR.join(value) if isinstance(value, list) else value for value in values])


def _html(report: dict[str, Any], evaluation: Evaluation, task: Task) -> str:
    environment = Environment(
        loader=PackageLoader("tritext_training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters.update(drawn=_drawn, data_uri=_data_uri)
    run, best = report["training"], task.best
    columns, rows = _splits(report["data"])
    return environment.get_template("report.html").render(
        report=report,
        unit=task.unit,
        best=best,
        shown=evaluation.shown,
        curves=_data_uri(figures.curves(run["curves"], run["best_epoch"], key=best.key, name=best.name)),
        mistakes=evaluation.mistakes,
        false_predictions=evaluation.mistakes.rows[:SHOWN_FALSE_PREDICTIONS],
        split_columns=columns,
        split_rows=rows,
    )


def _drawn(value: Any) -> str:
    """A value of a table's cell."""
    if isinstance(value, list):
        return ", ".join(value) or NONE
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value) or NONE
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _splits(data: dict[str, Any]) -> tuple[list[Column], list[dict[str, Any]]]:
    """The table of splits: what the task counts in each, and repeated rows."""
    rows = []
    for name, split in data["splits"].items():
        row = {"split": name, **{key: value for key, value in split.items() if key != "label_counts"}}
        if "label_counts" in split:
            row |= _label_figures(split["label_counts"].values())
        rows.append(row | {"repeated texts": data["duplicates"]["within"][name]})
    columns = [Column(title=key.replace("_", " "), key=key) for key in rows[0] if key != "split"]
    return [Column(title="split", key="split", kind="name"), *columns], rows


def _label_figures(counts: Collection[int]) -> dict[str, Any]:
    used = sum(count > 0 for count in counts)
    return {"labels used": used, "rows per label": f"{min(counts)} to {max(counts)}"}


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
