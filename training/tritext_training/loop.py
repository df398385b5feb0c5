"""Fine-tuning with transformers' Trainer: from features to the best epoch's weights. Knows no task and no file format."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from tritext_training.callbacks import ProgressBar, StopOnBrokenLoss, StopOnInterrupt

Features = Sequence[dict[str, Any]]

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
    early_stopping: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """How it went. The model given to `fine_tune` now holds the weights of `best_epoch`."""

    best_epoch: float
    best_macro_f1: float
    epochs: float
    steps: int
    interrupted: bool
    curves: tuple[dict[str, float], ...]


def default_epochs(rows: int, batch_size: int) -> int:
    """As many as make about `UPDATES` updates, within reason."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, round(UPDATES / math.ceil(rows / batch_size))))


def default_learning_rate(hidden_size: int) -> float:
    """5e-5 for BERT-base's width of 768 (Devlin et al. 2019, A.3), more for narrower encoders, less for wider.

    The square of the width's ratio is our own rule: 2e-4 for a width of 384, 2.8e-5 for 1024.
    """
    return float(f"{5e-5 * (768 / hidden_size) ** 2:.2g}")


def fine_tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    train: Features,
    validation: Features,
    figures: Callable[[EvalPrediction], dict[str, float]],
    recipe: Recipe,
    checkpoints: Path,
    resume_from: Path | None,
) -> TrainingRun:
    """Train `model` in place and leave it with the weights of the epoch whose `macro_f1` was best.

    Every epoch is saved in `checkpoints`, so that a killed run can go on from there (`resume_from`). `figures`
    gives the validation figures of one epoch, among them `macro_f1`.
    """
    stop = StopOnInterrupt()
    bar = ProgressBar(total_epochs=recipe.epochs, batch_size=recipe.batch_size)
    trainer = Trainer(
        model=model,
        args=_arguments(recipe, rows=len(train), checkpoints=checkpoints),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=figures,
        optimizers=(_optimizer(model, recipe.learning_rate), None),
        callbacks=[bar, stop, StopOnBrokenLoss(), *_early_stopping(recipe)],
    )
    trainer.remove_callback(PrinterCallback)
    try:
        with stop.listening():
            trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    finally:
        bar.close()
    return _summary(trainer, interrupted=stop.interrupted)


def silence() -> None:
    """Our own progress bar and errors say it all."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _early_stopping(recipe: Recipe) -> list[EarlyStoppingCallback]:
    return (
        [EarlyStoppingCallback(early_stopping_patience=recipe.early_stopping)]
        if recipe.early_stopping
        else []
    )


def _arguments(recipe: Recipe, *, rows: int, checkpoints: Path) -> TrainingArguments:
    steps_per_epoch = math.ceil(rows / recipe.batch_size)
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=max(32, recipe.batch_size),
        warmup_steps=max(1, round(0.06 * steps_per_epoch * recipe.epochs)),
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,  # the best one is kept beside the last
        load_best_model_at_end=True,
        metric_for_best_model="macro_f1",
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,
        logging_steps=max(1, min(10, steps_per_epoch)),
        logging_nan_inf_filter=False,
        seed=recipe.seed,
        disable_tqdm=True,
        report_to=[],
        dataloader_pin_memory=False,
    )


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


def _summary(trainer: Trainer, *, interrupted: bool) -> TrainingRun:
    state = trainer.state
    curves = tuple(_curves(state.log_history))
    best = max(curves, key=lambda point: point["validation_macro_f1"])
    return TrainingRun(
        best_epoch=best["epoch"],
        best_macro_f1=best["validation_macro_f1"],
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
            figures = {name.replace("eval_", "validation_"): entry[name] for name in _KEPT}
            loss = total / (last - first) if last > first else math.nan
            epoch = round(entry["epoch"], 4)
            points.append({"epoch": epoch, "train_loss": loss, "learning_rate": rate, **figures})
            total, first = 0.0, last
    return points


_KEPT = ("eval_loss", "eval_macro_f1", "eval_accuracy")
