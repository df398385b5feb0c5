"""Fine-tuning with transformers' Trainer: from features to the best epoch's weights. Knows no task and no file format."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from tritext_training.batches import Batches, BatchLoader, Shares, targets
from tritext_training.callbacks import ProgressBar, StopOnBrokenLoss, StopOnInterrupt
from tritext_training.listening import SPEEDS, Listener, Telling
from tritext_training.precision import Precision
from tritext_training.processes import Team
from tritext_training.tasks import Encoded, Metric, Task

UPDATES = 1500
"""Weight updates aimed at when the number of epochs is not given: enough to converge, minutes for a small encoder."""

HEAD_FACTOR = 10.0
"""The new head's learning rate, as a multiple of the encoder's."""

WEIGHT_DECAY = 0.01

FEWEST_EPOCHS, MOST_EPOCHS = 3, 10


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The figures that steer the optimizer."""

    epochs: int
    learning_rate: float
    batch_size: int
    """Rows an update, over all processes and pieces."""
    early_stopping: int
    seed: int
    precision: Precision
    gradient_accumulation: int = 1
    """Pieces in which each process computes its share of a batch, one after the other."""
    gradient_checkpointing: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """How it went. The model given to `fine_tune` now holds the weights of `best_epoch`."""

    best_epoch: float
    best_by: str
    best_figure: float
    epochs: float
    steps: int
    interrupted: bool
    curves: tuple[dict[str, float], ...]


def default_epochs(rows: int, batch_size: int) -> int:
    """As many as make about `UPDATES` updates, within reason."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, round(UPDATES / math.ceil(rows / batch_size))))


def default_learning_rate(hidden_size: int, *, factor: float = 1.0) -> float:
    """5e-5 for BERT-base's width of 768 (Devlin et al. 2019, A.3), more for narrower encoders, less for wider.

    The square of the width's ratio is our own rule: 2e-4 for a width of 384, 2.8e-5 for 1024.
    """
    return float(f"{factor * 5e-5 * (768 / hidden_size) ** 2:.2g}")


class TaskTrainer(Trainer):
    """transformers' Trainer with our batches, and a task's own loss and order of validation rows, where it has such.

    A share's loss is weighed by its part of the batch's targets, so that an update is the same however it is shared.
    """

    def __init__(self, *, task: Task, team: Team, recipe: Recipe, **settings: Any) -> None:
        self._objective, self._in_order = task.objective, task.in_order
        self._team, self._recipe = team, recipe
        super().__init__(**settings)
        self.model_accepts_loss_kwargs = True  # in the Trainer's words: the loss needs no more division
        self.loss_is_scaled_for_ga = True

    def get_train_dataloader(self) -> DataLoader[Any]:
        rows: Any = self.train_dataset
        pieces = self._recipe.gradient_accumulation
        batches = Batches(
            rows.lengths(),
            batch_size=self._recipe.batch_size,
            seed=self._recipe.seed,
            shares=Shares(processes=self._team.size, rank=self._team.rank, pieces=pieces),
        )
        collate = self._get_collator_with_removed_columns(self.data_collator, description="training")
        return BatchLoader(rows, batch_sampler=batches, collate_fn=collate)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """All validation rows, in every process: shared, the last batch would be filled up with rows that count twice."""
        rows: Any = self.eval_dataset if eval_dataset is None else eval_dataset
        collate = self._get_collator_with_removed_columns(self.data_collator, description="evaluation")
        return DataLoader(
            rows,
            batch_size=self.args.eval_batch_size,
            sampler=self._get_eval_sampler(rows),
            collate_fn=collate,
        )

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing is gathered, since every process has it all; what the main one finds is what all go by."""
        self.gather_function = lambda found: found
        output = super().evaluation_loop(*args, **kwargs)
        return output._replace(metrics=self._team.tell(output.metrics))

    def get_batch_samples(
        self, epoch_iterator: Any, num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor | int | None]:
        samples, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        count = torch.tensor(sum(map(targets, samples)), device=device)
        return samples, self.accelerator.reduce(count, reduction="sum")

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the Trainer's signature
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        if self._objective is None:
            outputs = dict(model(**inputs))
            loss = outputs["loss"]
        else:
            loss, outputs = self._objective(model, inputs)
        if model.training and num_items_in_batch is not None:
            loss = loss * (targets(inputs) * self._team.size / int(num_items_in_batch))
        return (loss, {**outputs, "loss": loss}) if return_outputs else loss

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int] | None:
        if self._in_order:
            return SequentialSampler(eval_dataset)
        sampler: Sampler[int] | None = super()._get_eval_sampler(eval_dataset)
        return sampler


def fine_tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    task: Task,
    encoded: Encoded,
    recipe: Recipe,
    checkpoints: Path,
    resume_from: Path | None,
    listeners: Sequence[Listener] = (),
    team: Team | None = None,
) -> TrainingRun:
    """Train `model` in place and leave it with the weights of the epoch that was best by `task.best`.

    Every epoch is saved in `checkpoints`, so that a killed run can go on from there (`resume_from`).
    """
    team = team or Team()
    stop = StopOnInterrupt(team)
    bar = ProgressBar(
        total_epochs=recipe.epochs, batch_size=recipe.batch_size, best=task.best, shown=team.is_main
    )
    trainer = TaskTrainer(
        task=task,
        team=team,
        recipe=recipe,
        model=_checkpointed(model) if recipe.gradient_checkpointing else model,
        args=_arguments(recipe, task=task, rows=len(encoded.train), checkpoints=checkpoints, team=team),
        train_dataset=encoded.train,
        eval_dataset=encoded.validation,
        data_collator=task.collator(tokenizer),
        compute_metrics=task.figures,
        optimizers=(_optimizer(model, recipe.learning_rate), None),
        callbacks=[
            bar,
            stop,
            StopOnBrokenLoss(),
            Telling(listeners, total_epochs=recipe.epochs),
            *_early_stopping(recipe),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    if not team.is_main:
        torch.manual_seed(recipe.seed + team.rank)  # another dropout in each process
    try:
        with stop.listening(), team.training():
            trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    finally:
        bar.close()
    return _summary(trainer, task.best, interrupted=stop.interrupted)


def silence() -> None:
    """Our own progress bar and errors say it all."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _checkpointed(model: PreTrainedModel) -> PreTrainedModel:
    """Layers forget what they computed and compute it again for their gradients: slower, in much less memory."""
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
    return model


def _early_stopping(recipe: Recipe) -> list[EarlyStoppingCallback]:
    return (
        [EarlyStoppingCallback(early_stopping_patience=recipe.early_stopping)]
        if recipe.early_stopping
        else []
    )


def _arguments(recipe: Recipe, *, task: Task, rows: int, checkpoints: Path, team: Team) -> TrainingArguments:
    steps_per_epoch = math.ceil(rows / recipe.batch_size)
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size // (team.size * recipe.gradient_accumulation),
        gradient_accumulation_steps=recipe.gradient_accumulation,
        ddp_find_unused_parameters=True,  # some encoders carry a pooler that their head does not use
        per_device_eval_batch_size=max(32, recipe.batch_size),
        warmup_steps=max(1, round(0.06 * steps_per_epoch * recipe.epochs)),
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,  # the best one is kept beside the last
        load_best_model_at_end=True,
        metric_for_best_model=task.best.key,
        greater_is_better=task.best.greater_is_better,
        restore_callback_states_from_checkpoint=True,
        logging_steps=max(1, min(10, steps_per_epoch)),
        logging_nan_inf_filter=False,
        seed=recipe.seed,
        use_cpu=not torch.cuda.is_available(),  # and bf16 is only taken from those who say so
        bf16=recipe.precision == "bf16",
        **_own_loss(task),
        disable_tqdm=True,
        report_to=[],
        dataloader_pin_memory=False,
    )


def _own_loss(task: Task) -> dict[str, Any]:
    """What a loss of ours needs is not the model's to name."""
    return {} if task.objective is None else {"remove_unused_columns": False, "label_names": ["labels"]}


def _optimizer(model: PreTrainedModel, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW; biases and norms do not decay, and the head, which starts from nothing, learns faster."""
    encoder = {id(parameter) for parameter in model.base_model.parameters()}
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for parameter in model.parameters():
        groups.setdefault((id(parameter) in encoder, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": learning_rate if pretrained else learning_rate * HEAD_FACTOR,
                "weight_decay": WEIGHT_DECAY if decays else 0.0,
            }
            for (pretrained, decays), parameters in groups.items()
        ],
        fused=True,
    )


def _summary(trainer: Trainer, metric: Metric, *, interrupted: bool) -> TrainingRun:
    state = trainer.state
    curves = tuple(_curves(state.log_history))
    key = f"validation_{metric.key}"
    choose = max if metric.greater_is_better else min
    best = choose(curves, key=lambda point: point[key])
    return TrainingRun(
        best_epoch=best["epoch"],
        best_by=metric.key,
        best_figure=best[key],
        epochs=round(state.epoch or 0.0, 4),
        steps=state.global_step,
        interrupted=interrupted,
        curves=curves,
    )


def _curves(history: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """One point per evaluation: the mean training loss since the one before, and the validation figures."""
    points: list[dict[str, float]] = []
    total, first, last, rate = 0.0, 0.0, 0.0, math.nan
    for entry in history:
        if "loss" in entry:
            total += entry["loss"] * (entry["step"] - last)
            last, rate = entry["step"], entry["learning_rate"]
        elif "eval_loss" in entry:
            figures = {
                name.replace("eval_", "validation_"): value
                for name, value in entry.items()
                if name.startswith("eval_") and name not in SPEEDS
            }
            loss = total / (last - first) if last > first else math.nan
            epoch = round(entry["epoch"], 4)
            points.append({"epoch": epoch, "train_loss": loss, "learning_rate": rate, **figures})
            total, first = 0.0, last
    return points
