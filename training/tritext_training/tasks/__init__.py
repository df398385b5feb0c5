"""The tasks that can be trained, one module each, and what a task must be able to do.

A new task is a module here with a function `open_task`, and its name in `TASKS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from transformers import EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext_training.base import Base
from tritext_training.errors import UnknownTask
from tritext_training.options import TrainingOptions

TASKS = {"text-classification": "text_classification"}
"""Hugging Face's name of each task, and the module that trains it."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What the trainer reads: one dict of token ids and target per row, and how long the texts were."""

    train: Sequence[dict[str, Any]]
    validation: Sequence[dict[str, Any]]
    token_counts: dict[str, dict[str, float]]
    """Per split: tokens before truncation (`median`, `p95`, `max`) and how many rows were `truncated`."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the finished checkpoint achieves on validation and test rows."""

    metrics: dict[str, dict[str, float]]
    per_label: Sequence[dict[str, Any]]
    confusion: Sequence[Any]
    false_predictions: Sequence[dict[str, Any]]
    config: dict[str, Any] = field(default_factory=dict)
    """What belongs into the checkpoint's config.json, found only now (such as a threshold)."""


class Task(Protocol):
    """One task on one set of data."""

    @property
    def rows(self) -> int:
        """How many rows train."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the report tells about the data: files, splits, labels, duplicates."""

    def model(self, base: Base) -> PreTrainedModel:
        """The base under the head that the data ask for."""

    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        """The rows as features for the trainer."""

    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        """Validation figures of one epoch, `macro_f1` among them."""

    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        """Score the finished checkpoint; the only look at the test rows."""


def open_task(options: TrainingOptions) -> Task:
    """Read and check the data of the task that `options` name."""
    if options.task not in TASKS:
        raise UnknownTask(task=options.task, known=TASKS)
    task: Task = import_module(f"{__name__}.{TASKS[options.task]}").open_task(options)
    return task
