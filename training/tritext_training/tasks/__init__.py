"""The tasks that can be trained, one module each, and what a task must be able to do.

A new task is a module here with a function `open_task` that gives a `Task`, and its name in `TASKS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import DataCollatorWithPadding, EvalPrediction, PreTrainedModel, PreTrainedTokenizerFast

from tritext_training.base import Base
from tritext_training.errors import OptionOfOtherTasks, UnknownTask
from tritext_training.options import TrainingOptions
from tritext_training.sections import Mistakes, Shown
from tritext_training.shelf import Features

TASKS = {
    "text-classification": "text_classification",
    "token-classification": "token_classification",
    "question-answering": "question_answering",
    "feature-extraction": "feature_extraction",
    "text-ranking": "text_ranking",
}
"""Hugging Face's name of each task, and the module that trains it."""

_CLASSIFY, _TAG, _ANSWER = "text-classification", "token-classification", "question-answering"
_EMBED, _RANK = "feature-extraction", "text-ranking"

TASKS_OF_OPTION: dict[str, tuple[str, ...]] = {
    "text_column": (_CLASSIFY, _TAG, _EMBED, _RANK),
    "pair_column": (_CLASSIFY, _EMBED),
    "query_column": (_RANK,),
    "label_column": (_CLASSIFY, _RANK),
    "score_column": (_CLASSIFY, _EMBED),
    **dict.fromkeys(("tokens_column", "tags_column", "spans_column"), (_TAG,)),
    **dict.fromkeys(
        ("question_column", "context_column", "answer_column", "answer_start_column"), (_ANSWER,)
    ),
    "label_separator": (_CLASSIFY,),
    "label_names": (_CLASSIFY,),
    "problem_type": (_CLASSIFY,),
    "threshold": (_CLASSIFY,),
    "teacher": (_CLASSIFY,),
    "class_weights": (_CLASSIFY,),
    "doc_stride": (_ANSWER,),
}
"""The options that only some tasks have."""

Batch = Mapping[str, torch.Tensor]
Collator = Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]
Objective = Callable[[PreTrainedModel, Batch], tuple[torch.Tensor, dict[str, torch.Tensor]]]
"""A loss of the task's own, and the outputs that `Task.figures` gets of each batch."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The validation figure that chooses the best epoch: its key, and its name for people."""

    key: str
    name: str
    greater_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What is chosen where the user chose nothing."""

    max_length: int = 256
    batch_size: int = 16
    learning_rate_factor: float = 1.0
    """Times the rate that suits a fresh head; less where the encoder is already good at the task."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What the trainer reads: one dict of token ids and target per row, and how long the texts were."""

    train: Features
    validation: Features
    token_counts: dict[str, dict[str, float]]
    """Per split: tokens before truncation (`median`, `p95`, `max`) and how many rows were `truncated` or `split`."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the finished checkpoint achieves on validation and test rows."""

    metrics: dict[str, dict[str, float]]
    headline: dict[str, float]
    """The one to three test figures that matter most, by the names people know them by."""
    shown: Shown
    mistakes: Mistakes
    details: dict[str, Any] = field(default_factory=dict)
    """Further figures for `training_report.json`."""
    config: dict[str, Any] = field(default_factory=dict)
    """What belongs into the checkpoint's config.json, found only now (such as a threshold)."""


class Task(ABC):
    """One task on one set of data."""

    unit: ClassVar[str] = "texts"
    defaults: ClassVar[Defaults] = Defaults()
    in_order: ClassVar[bool] = False
    """Whether `figures` needs the validation rows in their own order rather than sorted by length."""

    @property
    @abstractmethod
    def best(self) -> Metric:
        """The figure that chooses the best epoch."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows train."""

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What the report tells about the data: `files`, `splits`, `duplicates`, and `labels` where there are any."""

    @abstractmethod
    def model(self, base: Base) -> PreTrainedModel:
        """The base under the head that the data ask for."""

    @abstractmethod
    def encode(self, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Encoded:
        """The rows as features for the trainer."""

    @abstractmethod
    def figures(self, prediction: EvalPrediction) -> dict[str, float]:
        """Validation figures of one epoch, the one of `best` among them."""

    @abstractmethod
    def evaluate(self, checkpoint: Path, *, max_length: int) -> Evaluation:
        """Score the finished checkpoint; the only look at the test rows."""

    def collator(self, tokenizer: PreTrainedTokenizerFast) -> Collator:
        """Features to batches."""
        collate: Collator = DataCollatorWithPadding(tokenizer)
        return collate

    @property
    def objective(self) -> Objective | None:
        """The loss, if it is not the one that transformers' model computes by itself."""
        return None

    def complete(self, checkpoint: Path, *, max_length: int) -> None:
        """Write the files that readers of such checkpoints expect beside weights and tokenizer."""
        del checkpoint, max_length  # most tasks need none


def open_task(options: TrainingOptions) -> Task:
    """Read and check the data of the task that `options` name."""
    if options.task not in TASKS:
        raise UnknownTask(task=options.task, known=TASKS)
    for name, tasks in TASKS_OF_OPTION.items():
        if getattr(options, name) is not None and options.task not in tasks:
            raise OptionOfOtherTasks(option=name.replace("_", "-"), task=options.task, tasks=tasks)
    task: Task = import_module(f"{__name__}.{TASKS[options.task]}").open_task(options)
    return task
