"""A search's results on disk: one JSON document, one table of all measurements, one picture, beside the raw files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext_perf import report
from tritext_perf.errors import OutputInUse
from tritext_perf.tuning import choosing, picture
from tritext_perf.tuning.choosing import Verdict
from tritext_perf.tuning.objective import Objective
from tritext_perf.tuning.trial import Setting, Standing, Trial, standing

PNG = "tune.png"


@dataclass(frozen=True, kw_only=True)
class TuneReport:
    """What was tried, under which circumstances, and what comes of it."""

    model: Mapping[str, Any]
    server: Mapping[str, Any]
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    date: str
    objective: Objective
    default: Setting
    trials: Sequence[Trial]
    untried: Sequence[Setting]
    verdict: Verdict | None
    """None where Ctrl+C came before one could be given."""
    interrupted: bool
    written: str | None = None
    """The config.pbtxt that was changed."""

    @property
    def changes(self) -> Setting | None:
        """The setting to use instead of the default, if there is one."""
        winner = self.verdict.winner if self.verdict else None
        return None if winner == self.default else winner

    @property
    def finals(self) -> list[Standing]:
        """The standings of the second stage, the default first; those without figures are left out."""
        return self._standings([trial for trial in self.trials if trial.stage == "final"])

    @property
    def standings(self) -> list[Standing]:
        """Of every setting, by its second stage if it got there, the default first."""
        finals = self.finals
        known = {one.setting for one in finals}
        screened = [trial for trial in self.trials if trial.stage == "screen" and trial.setting not in known]
        return sorted([*finals, *self._standings(screened)], key=lambda one: one.setting != self.default)

    def _standings(self, trials: list[Trial]) -> list[Standing]:
        settings = dict.fromkeys(trial.setting for trial in trials)
        found = [standing(setting, trials, self.objective) for setting in settings]
        return [one for one in found if one.measured]

    def as_dict(self) -> dict[str, Any]:
        """One JSON document; times in milliseconds, throughput in texts per second."""
        plain = (
            "model",
            "server",
            "data",
            "settings",
            "machine",
            "versions",
            "date",
            "interrupted",
            "written",
        )
        verdict = self.verdict
        return {
            **{name: getattr(self, name) for name in plain},
            "objective": self.objective.as_dict(),
            "default": self.default.as_dict(),
            "winner": verdict.winner.as_dict() if verdict and verdict.winner else None,
            "verdict": verdict.reason if verdict else None,
            "finals": [self._summary(one) for one in self.finals],
            "untried": [setting.as_dict() for setting in self.untried],
            "trials": [trial.as_dict() for trial in self.trials],
        }

    def _summary(self, one: Standing) -> dict[str, Any]:
        default = next((other for other in self.finals if other.setting == self.default), None)
        return {
            "setting": one.setting.as_dict(),
            "throughput": one.throughput,
            "p99": one.p99,
            "holds": one.holds,
            "spread": round(one.spread, 4),
            "gain": round(choosing.gain(one, default), 4) if default else None,
        }


def write(result: TuneReport, folder: Path) -> None:
    """Write the three files; the raw ones are there already.

    Raises:
        OutputInUse: They cannot be written.
    """
    head = report.title(model=result.model, machine=result.machine, date=result.date)
    try:
        text = json.dumps(result.as_dict(), ensure_ascii=False, indent=2)
        (folder / report.JSON).write_text(f"{text}\n", encoding="utf-8")
        report.write_csv([_row(trial) for trial in result.trials], folder / report.CSV)
        image = picture.draw(result.standings, chosen=_chosen(result), default=result.default, title=head)
        if image:
            (folder / PNG).write_bytes(image)
    except OSError as error:
        raise OutputInUse(path=folder, reason=(error.strerror or str(error)).lower()) from error


def _chosen(result: TuneReport) -> Setting | None:
    return result.verdict.winner if result.verdict else None


def _row(trial: Trial) -> dict[str, Any]:
    head = {"number": trial.number, "stage": trial.stage, "seconds": trial.seconds}
    return {**head, **trial.setting.as_dict(), **report.row(trial.outcome)}
