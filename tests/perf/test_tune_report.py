"""What is written and shown of a search is what was measured, and who won is plain to see."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.perf.test_report import made
from tests.perf.test_tuning import DEFAULT, USERS, Named, measured, standing
from tritext_perf.measurement import Failure
from tritext_perf.report import new_folder
from tritext_perf.tuning import picture, showing
from tritext_perf.tuning.choosing import Verdict, choose
from tritext_perf.tuning.report import TuneReport, write
from tritext_perf.tuning.trial import Trial

FAST, SLOW, BROKEN = Named("4 x [1] thread"), Named("slow"), Named("broken")
SPEEDS = (
    *(("screen", DEFAULT, 100.0), ("screen", FAST, 150.0), ("screen", SLOW, 20.0)),
    *(("final", DEFAULT, 100.0), ("final", FAST, 149.0), ("final", FAST, 151.0), ("final", DEFAULT, 102.0)),
)


def report(**changes: Any) -> TuneReport:
    usual = made()
    trials = [
        Trial(number=number, stage=stage, setting=setting, seconds=1.0, outcome=measured(speed))  # type: ignore[arg-type]
        for number, (stage, setting, speed) in enumerate(SPEEDS, 1)
    ]
    failure = Failure(scenario=USERS.scenario, reason="no [memory] left", errors=None)
    trials.append(Trial(number=8, stage="screen", setting=BROKEN, seconds=1.0, outcome=failure))
    facts = ("model", "server", "data", "settings", "machine", "versions", "date", "interrupted")
    given: dict[str, Any] = {
        **{name: getattr(usual, name) for name in facts},
        "objective": USERS,
        "default": DEFAULT,
        "trials": trials,
        "untried": [Named("never")],
    }
    result = TuneReport(**{**given, "verdict": None, **changes})
    verdict = choose(result.finals[0], result.finals[1:]) if "verdict" not in changes else changes["verdict"]
    return TuneReport(**{**given, **changes, "verdict": verdict})


def shown(result: TuneReport, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    showing.show(result, console)
    return console.export_text()


def test_json_csv_and_picture_hold_every_measurement(tmp_path: Path) -> None:
    folder = new_folder(tmp_path / "out")
    write(report(written="somewhere/config.pbtxt"), folder)
    document = json.loads((folder / "results.json").read_text())
    assert len(document["trials"]) == len(SPEEDS) + 1
    assert document["winner"] == {"name": FAST.name}
    assert document["written"] == "somewhere/config.pbtxt"
    assert [(one["setting"]["name"], one["gain"]) for one in document["finals"]] == [
        ("default", 0.0),
        (FAST.name, round(150 / 101 - 1, 4)),
    ]
    rows = list(csv.DictReader(io.StringIO((folder / "results.csv").read_text())))
    assert [(row["stage"], row["name"], row["throughput"]) for row in rows[:-1]] == [
        (stage, setting.name, str(speed)) for stage, setting, speed in SPEEDS
    ]
    assert rows[-1]["problem"] == "no [memory] left"
    assert (folder / "tune.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_names_every_setting_and_the_notes_what_became_of_it() -> None:
    text = shown(report())
    assert "4 x [1] thread" in text
    assert "1.49" in text
    assert "101.0 to 150.0 texts/s (x 1.49), p99 40.0 to 40.0 ms (x 1.00)" in text
    assert "broken gave no figures: no [memory] left" in text
    assert "Not tried for want of time: 1" in text


def test_a_default_that_stays_changes_nothing() -> None:
    stays = report(verdict=Verdict(winner=DEFAULT, best=FAST, reason="It stays."))
    assert stays.changes is None
    assert "It stays." in shown(stays)
    assert "From the default" not in shown(stays)


def test_an_interrupted_search_chooses_nothing_and_says_so() -> None:
    result = report(verdict=None, interrupted=True)
    assert result.changes is None
    assert result.as_dict()["winner"] is None
    assert "the repository is as it was" in shown(result)


def test_the_front_is_what_nothing_beats_in_both() -> None:
    places = {"a": (10, 5), "b": (20, 8), "c": (15, 9), "d": (30, 30), "e": (30, 40), "f": (9, 5)}
    standings = [standing(name, speed, p99=(time,)) for name, (speed, time) in places.items()]
    assert [str(one.setting) for one in picture.front(standings)] == ["a", "b", "d"]
