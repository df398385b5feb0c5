"""Training as a job: resumed from its last checkpoint after a death, published and registered once."""

import json
from pathlib import Path
from typing import Any

from tritext.registry import registry
from tritext_jobs.child import Outcome, Task
from tritext_training.listening import Listener
from tritext_training.options import TrainingOptions
from tritext_training.run import train
from tritext_training.tracking import Tracking

EXPERIMENT = "jobs"
"""Of runs that neither name one nor are registered."""


class Telling(Listener):
    def __init__(self, task: Task) -> None:
        self._task = task

    def progress(self, done: float, what: str) -> None:
        self._task.tell(done, what)


def work(task: Task, arguments: Any) -> Outcome:
    """Train, unless an earlier attempt has; the checkpoint's folder is the job's own if none was given."""
    output = arguments.output or task.folder / "checkpoints" / task.id
    task.pin(output=output)
    options = arguments.options(output)
    name = arguments.register_as
    report = _finished(task, options) or train(
        options, tracking=_tracking(arguments, output), listeners=[Telling(task)]
    )
    run_id = report.get("tracking", {}).get("run_id")
    version = registry().register(name, run_id=run_id).version if name and run_id else None
    result = {
        "output": str(output),
        "task": report["task"],
        "metrics": report["metrics"],
        "best_epoch": report["training"]["best_epoch"],
        "epochs": report["training"]["epochs"],
        "resumed": report["training"]["resumed"],
        "seconds": report["seconds"],
        "run_id": run_id,
        "registered": {"name": name, "version": version} if version else None,
    }
    return Outcome(result=result, reports={"model": _model(report, run_id, name, version)})


def _tracking(arguments: Any, output: Path) -> Tracking | None:
    register = arguments.register_as
    if not (arguments.tracking or register):
        return None
    name = arguments.experiment or register or (EXPERIMENT if arguments.output is None else output.name)
    return Tracking(experiment=name, register=register)


def _finished(task: Task, options: TrainingOptions) -> dict[str, Any] | None:
    """The report of an earlier attempt that died between publishing and saying so."""
    path = options.output / "training_report.json"
    if task.attempt == 1 or not path.is_file():
        return None
    made_since = path.stat().st_mtime >= task.started.timestamp()
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report if made_since and report["options"] == options.as_json() else None


def _model(
    report: dict[str, Any], run_id: str | None, name: str | None, version: int | None
) -> dict[str, Any]:
    return {
        "run": run_id,
        "name": name if version else None,
        "version": version,
        "task": report["task"],
        "parameters": {key: value for key, value in report["options"].items() if value is not None},
        "sizes": {"parameters": report["model"]["parameters"], "checkpoint_bytes": report["model"]["bytes"]},
        "metrics": report["metrics"],
        "state": "registered" if version else "trained",
    }
