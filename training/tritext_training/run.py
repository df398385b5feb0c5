"""One training run from options to a published checkpoint: the story, told by the modules that know the parts."""

import json
import time
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, set_seed

from tritext_training import facts, loop
from tritext_training.base import Base, fitting_max_length, load_base, model_size
from tritext_training.options import TrainingOptions
from tritext_training.report import write_reports
from tritext_training.tasks import Encoded, Evaluation, Task, open_task
from tritext_training.work import WorkFolder, disk_errors, open_work_folder, refuse_existing, require_free_bytes

BYTES_PER_PARAMETER = 40
"""Disk in use at most: three training checkpoints of weights and Adam's two moments, and the result, in fp32."""


def train(options: TrainingOptions) -> dict[str, Any]:
    """Train, choose the best epoch, test once, and publish checkpoint and reports at `options.output`.

    Returns:
        The report, as in `training_report.json`.

    Raises:
        TritextError: Data, base, options or disk do not allow it; one sentence each.
    """
    started = time.monotonic()
    loop.silence()
    refuse_existing(options.output, overwrite=options.overwrite)
    task = open_task(options)
    base = load_base(options.base, revision=options.revision)
    set_seed(options.seed)
    model = task.model(base)
    max_length = fitting_max_length(base, model, options.max_length)
    recipe = _recipe(options, task, model)
    work = open_work_folder(options.output, job=_job(options, task, base), overwrite=options.overwrite)
    resume_from = work.last_checkpoint()
    encoded = task.encode(base.tokenizer, max_length)
    with disk_errors(work.path):
        if resume_from is None:
            require_free_bytes(work.path, BYTES_PER_PARAMETER * model.num_parameters())
        run = loop.fine_tune(
            model,
            base.tokenizer,
            train=encoded.train,
            validation=encoded.validation,
            figures=task.figures,
            recipe=recipe,
            checkpoints=work.checkpoints,
            resume_from=resume_from,
        )
        evaluation = _finish(work, model, base, task, max_length=max_length)
        report = {
            **_head(options),
            "base": {"source": base.source, "revision": options.revision, "sha256": base.sha256},
            "data": {**task.facts, "token_counts": encoded.token_counts},
            "training": {
                **asdict(recipe), **asdict(run), "resumed": resume_from is not None,
                "seconds": round(time.monotonic() - started, 1),
            },
        }
        write_reports(work.result, report, evaluation)
        work.publish()
    return report
