"""A release as a job: train and register, build, evaluate, each a job of its own that begins when the one before is done."""

from pathlib import Path
from typing import Any

from tritext_jobs.arguments import BuildArguments, EvaluateArguments, TrainArguments
from tritext_jobs.child import Outcome, Task

GATED = "text-classification"
"""The task whose builds take labelled data for a gate."""

TEXT_PAIR = {"pair_column": "text_pair_column"}
"""Columns that training and evaluation call differently."""


def work(task: Task, arguments: Any) -> Outcome:
    """The next job, or what came of all."""
    results = [part["result"] for part in task.parts]
    steps = (_train, _build, _evaluate)
    if len(results) < len(steps):
        return Outcome(parts=[steps[len(results)](arguments, results)])
    trained, built, evaluated = results
    return Outcome(
        result={
            "name": arguments.name,
            "version": built["version"],
            "run_id": trained["run_id"],
            "checkpoint": trained["output"],
            "repository": built["repository"],
            "test": trained["metrics"],
            "served": {key: value for key, value in evaluated["served"].items() if key != "labels"},
            "false_predictions": evaluated["false_predictions"],
        }
    )


def _train(arguments: Any, _: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return "train", {**_shared(arguments, TrainArguments), "register": arguments.name}


def _build(arguments: Any, results: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    registered = results[0]["registered"]
    given = _shared(arguments, BuildArguments)
    pairs = arguments.pair_column is not None and arguments.task == GATED
    is_gated = arguments.task == GATED and not pairs and arguments.score_column is None
    for name in ("max_length", "task", "revision", *(() if is_gated else ("eval_data",))):
        given.pop(name, None)
    source = f"models:/{registered['name']}/{registered['version']}"
    return "build", {**given, "checkpoint": source, "pairs": pairs}


def _evaluate(arguments: Any, results: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    built = results[1]
    given = _shared(arguments, EvaluateArguments)
    given.pop("threshold", None)
    named = {"name": built["name"], "version": built["version"], "data": str(arguments.eval_data)}
    columns = {
        there: getattr(arguments, here) for here, there in TEXT_PAIR.items() if getattr(arguments, here)
    }
    where = {} if arguments.url else {"repository": built["repository"]}
    return "evaluate", {**given, **columns, **named, **where, "log": True}


def _shared(arguments: Any, kind: Any) -> dict[str, Any]:
    """The arguments that were given and that a job of this kind has, too."""
    there = {field.alias or name for name, field in kind.model_fields.items()}
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in arguments.given().items()
        if name in there and value is not None
    }
