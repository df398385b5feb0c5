"""One training run from options to a published checkpoint: the story, told by the modules that know the parts."""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, set_seed

from tritext_training import facts, loop
from tritext_training.base import Base, fitting_max_length, load_base
from tritext_training.batches import Shares
from tritext_training.concerns import concerns
from tritext_training.listening import Listener
from tritext_training.options import TrainingOptions
from tritext_training.precision import fastest_precision
from tritext_training.processes import Team, together
from tritext_training.report import write_reports
from tritext_training.tasks import Encoded, Evaluation, Task, open_task
from tritext_training.tracking import Tracked, Tracking, tracked
from tritext_training.work import WorkFolder, disk_errors, refuse_existing, require_free_bytes, work_folder

DISK_BYTES_PER_PARAMETER = 40
"""At most, in fp32: three training checkpoints of weights and Adam's two moments, and the result."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All that is settled before the first step: a user's mistakes have been told by now."""

    task: Task
    base: Base
    model: PreTrainedModel
    max_length: int
    recipe: loop.Recipe
    encoded: Encoded


def train(
    options: TrainingOptions, *, tracking: Tracking | None = None, listeners: Sequence[Listener] = ()
) -> dict[str, Any]:
    """Train, choose the best epoch, test once, and publish checkpoint and reports at `options.output`.

    Args:
        options: What to learn, from what.
        tracking: Where the run is kept and registered; None keeps it nowhere but in its reports.
        listeners: Told how it goes.

    Returns:
        The report, as in `training_report.json`; under `registered`, `name` and `version` if it was registered.
        Nothing in all processes but the main one of those that train together.

    Raises:
        TritextError: Data, base, options or disk do not allow it; one sentence each.
    """
    started = time.monotonic()
    loop.silence()
    team = together()
    with team.agreeing():
        if team.is_main:
            refuse_existing(options.output, overwrite=options.overwrite)
    with team.agreeing():
        prepared = _prepare(options, team)
    if team.is_main:
        return _lead(options, prepared, tracking, listeners, team, started)
    return _follow(options, prepared, team)


def _lead(
    options: TrainingOptions,
    prepared: Prepared,
    tracking: Tracking | None,
    listeners: Sequence[Listener],
    team: Team,
    started: float,
) -> dict[str, Any]:
    """The main process's part: it owns the work folder and everything that is written."""
    job = _job(options, prepared.task, prepared.base)
    with ExitStack() as stack:
        with team.agreeing():
            work = stack.enter_context(work_folder(options.output, job=job, overwrite=options.overwrite))
            kept = stack.enter_context(tracked(tracking, name=options.output.name, folder=work.checkpoints))
        result, report = _work(options, prepared, work, kept, listeners, team, started)
        registered = kept.publish(result, report) if kept else None
        work.publish()
    if registered:
        report["registered"] = {"name": registered.name, "version": registered.version}
    return report


def _follow(options: TrainingOptions, prepared: Prepared, team: Team) -> dict[str, Any]:
    """Any other process's part: its share of every step, and nothing else."""
    with team.agreeing():
        pass
    work = WorkFolder.beside(options.output)
    with disk_errors(work.path):
        _fine_tune(prepared, work, team.tell(None), (), team)
    return {}


def _work(
    options: TrainingOptions,
    prepared: Prepared,
    work: WorkFolder,
    kept: Tracked | None,
    listeners: Sequence[Listener],
    team: Team,
    started: float,
) -> tuple[Path, dict[str, Any]]:
    """Everything between the first step and publishing: the folder of the result, and the report in it."""
    head = _head(options, prepared)
    if kept:
        kept.settle(_parameters(head, prepared))
        listeners = (*listeners, kept)
        head["tracking"] = kept.place
    resume_from = team.tell(work.last_checkpoint())
    run = _fine_tune(prepared, work, resume_from, listeners, team)
    result = work.fresh_result()
    _save(result, prepared)
    prepared.task.complete(result, max_length=prepared.max_length)
    evaluation = prepared.task.evaluate(result, max_length=prepared.max_length)
    _add_to_config(result, evaluation.config)
    report = {
        **head,
        "training": {
            **asdict(prepared.recipe),
            **asdict(run),
            "processes": team.size,
            "resumed": resume_from is not None,
        },
        **_figures(evaluation),
        "model": _model_facts(result, prepared, evaluation),
        "environment": facts.environment(),
        "seconds": round(time.monotonic() - started, 1),
    }
    write_reports(result, report, evaluation, prepared.task)
    return result, report


def _prepare(options: TrainingOptions, team: Team) -> Prepared:
    task = open_task(options)
    base = team.in_turn(lambda: load_base(options.base, revision=options.revision, layers=options.layers))
    set_seed(options.seed)
    model = task.model(base)
    max_length = fitting_max_length(base, model, options.max_length, default=task.defaults.max_length)
    encode = partial(task.encode, base.tokenizer, max_length)
    encoded = team.in_turn(encode) if options.teacher else encode()  # the teacher is asked once for all
    recipe = _recipe(options, task, rows=len(encoded.train), hidden_size=model.config.hidden_size)
    shares = Shares(processes=team.size, rank=team.rank, pieces=recipe.gradient_accumulation)
    shares.check(recipe.batch_size, len(encoded.train))
    return Prepared(
        task=task,
        base=base,
        model=model,
        max_length=max_length,
        recipe=recipe,
        encoded=encoded,
    )


def _fine_tune(
    prepared: Prepared,
    work: WorkFolder,
    resume_from: Path | None,
    listeners: Sequence[Listener],
    team: Team,
) -> loop.TrainingRun:
    if resume_from is None and team.is_main:
        require_free_bytes(work.path, DISK_BYTES_PER_PARAMETER * prepared.model.num_parameters())
    return loop.fine_tune(
        prepared.model,
        prepared.base.tokenizer,
        task=prepared.task,
        encoded=prepared.encoded,
        recipe=prepared.recipe,
        checkpoints=work.checkpoints,
        resume_from=resume_from,
        listeners=listeners,
        team=team,
    )


def _recipe(options: TrainingOptions, task: Task, *, rows: int, hidden_size: int) -> loop.Recipe:
    batch_size = options.batch_size or task.defaults.batch_size
    rate = loop.default_learning_rate(hidden_size, factor=task.defaults.learning_rate_factor)
    return loop.Recipe(
        epochs=options.epochs or loop.default_epochs(rows, batch_size),
        learning_rate=options.learning_rate or rate,
        batch_size=batch_size,
        early_stopping=options.early_stopping,
        seed=options.seed,
        precision=fastest_precision(),
        gradient_accumulation=options.gradient_accumulation,
        gradient_checkpointing=options.gradient_checkpointing,
    )


def _job(options: TrainingOptions, task: Task, base: Base) -> dict[str, Any]:
    """What makes two runs the same run: options, data and base, by content."""
    files = {f"{name} (sha256)": file and file["sha256"] for name, file in task.facts["files"].items()}
    teacher = {"teacher (sha256)": task.facts["teacher"]["sha256"]} if "teacher" in task.facts else {}
    return {**options.identity(), **files, **teacher, "base (sha256)": base.sha256}


def _save(folder: Path, prepared: Prepared) -> None:
    """A plain checkpoint: the tokenizer knows the trained length, and carries no state of the last batch."""
    tokenizer = prepared.base.tokenizer
    prepared.model.save_pretrained(folder)
    tokenizer.model_max_length = prepared.max_length
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def _add_to_config(folder: Path, values: dict[str, Any]) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **values}
    config = {name: value for name, value in config.items() if value is not None or name not in values}
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _head(options: TrainingOptions, prepared: Prepared) -> dict[str, Any]:
    return {
        "task": options.task,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "options": options.as_json(),
        "base": {
            "source": prepared.base.source,
            "revision": options.revision,
            "sha256": prepared.base.sha256,
        },
        "data": {**prepared.task.facts, "token_counts": prepared.encoded.token_counts},
        "warnings": concerns(prepared.task.facts, class_weights=options.class_weights),
    }


def _parameters(head: dict[str, Any], prepared: Prepared) -> dict[str, Any]:
    """What a store of runs compares them by."""
    files = prepared.task.facts["files"].items()
    return {
        **{name: value for name, value in head["options"].items() if name not in {"output", "overwrite"}},
        **asdict(prepared.recipe),
        "max_length": prepared.max_length,
        "base_sha256": head["base"]["sha256"],
        **{f"{name}_sha256": file["sha256"] for name, file in files if file},
        "rows": {name: split["rows"] for name, split in head["data"]["splits"].items()},
        "parameters": prepared.model.num_parameters(),
    }


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "metrics": evaluation.metrics,
        "headline": evaluation.headline,
        **evaluation.details,
        "false_predictions": len(evaluation.mistakes.rows),
    }


def _model_facts(folder: Path, prepared: Prepared, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "architecture": type(prepared.model).__name__,
        "parameters": prepared.model.num_parameters(),
        "bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        "max_length": prepared.max_length,
        **{key: value for key, value in evaluation.config.items() if key == "threshold"},
    }
