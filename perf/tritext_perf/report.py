"""A benchmark's results on disk: one JSON document, one table, one picture, beside the raw files they come from."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tritext_perf import figures
from tritext_perf.errors import OutputInUse
from tritext_perf.measurement import Measurement, Outcome, failures

JSON, CSV, PNG, RAW = "results.json", "results.csv", "bench.png", "raw"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was measured, under which circumstances."""

    model: Mapping[str, Any]
    server: Mapping[str, Any]
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    date: str
    metrics: Mapping[str, float] | None
    """The model's quality on the same texts, through the same server; None where they have none of its labels."""
    outcomes: Sequence[Outcome]
    interrupted: bool

    @property
    def failed(self) -> bool:
        """Whether a scenario gave no figures."""
        return bool(failures(self.outcomes))

    def as_dict(self) -> dict[str, Any]:
        """One JSON document; times in milliseconds, throughput in texts per second."""
        facts = {name: value for name, value in vars(self).items() if name != "outcomes"}
        return {**facts, "scenarios": [outcome.as_dict() for outcome in self.outcomes]}


def new_folder(path: Path) -> Path:
    """Make the output folder with its place for raw files.

    Raises:
        OutputInUse: There is something in it, or it cannot be made.
    """
    try:
        if path.is_dir() and any(path.iterdir()):
            raise OutputInUse(path=path, reason="the folder is not empty, and results are never overwritten")
        (path / RAW).mkdir(parents=True)
    except OSError as error:
        raise OutputInUse(path=path, reason=(error.strerror or str(error)).lower()) from error
    return path


def write(report: Report, folder: Path) -> None:
    """Write the three files; the raw ones are there already."""
    try:
        (folder / JSON).write_text(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n")
        write_csv([row(outcome) for outcome in report.outcomes], folder / CSV)
        picture = figures.bench(
            report.outcomes, title=title(model=report.model, machine=report.machine, date=report.date)
        )
        if picture:
            (folder / PNG).write_bytes(picture)
    except OSError as error:
        raise OutputInUse(path=folder, reason=(error.strerror or str(error)).lower()) from error


def title(*, model: Mapping[str, Any], machine: Mapping[str, Any], date: str) -> str:
    return (
        f"{model['name']} version {model['version']} · "
        f"{machine.get('cpu', 'unknown processor')}, {machine['usable_cores']} cores · {date[:10]}"
    )


def row(outcome: Outcome) -> dict[str, Any]:
    """One line of the table; times in milliseconds, throughput in texts per second."""
    head: dict[str, Any] = {"scenario": str(outcome.scenario), **asdict(outcome.scenario)}
    if not isinstance(outcome, Measurement):
        return {**head, "errors": outcome.errors, "problem": outcome.reason}
    figures_ = {
        "requests": outcome.requests,
        "throughput": outcome.throughput,
        **{f"latency_{name}": value for name, value in asdict(outcome.latency).items()},
        "errors": outcome.errors,
        "spread": round(outcome.spread, 4),
        "steady": outcome.steady,
        "attempts": outcome.attempts,
        "late": outcome.late,
        "average_batch": _rounded(outcome.average_batch),
    }
    for stage in outcome.stages:
        figures_[f"{stage.name}_queue"] = _rounded(stage.queue)
        figures_[f"{stage.name}_compute"] = _rounded(stage.compute)
        figures_[f"{stage.name}_batch"] = _rounded(stage.average_batch)
    return {**head, **figures_, "elsewhere": _rounded(outcome.elsewhere)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    columns = list(dict.fromkeys(column for one in rows for column in one))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
