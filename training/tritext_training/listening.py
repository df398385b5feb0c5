"""Who wants to know how a run goes: a tracking store, a queue, a search. Training tells all of them the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Listener:
    """Hears about a run while it goes on; a subclass overrides what it cares for. What it raises ends the run."""

    def progress(self, done: float, what: str) -> None:
        """Hear the share of the work that is done, 0 to 1, and what is being done."""

    def epoch(self, number: float, figures: Mapping[str, float]) -> None:
        """Hear an epoch's figures: `train_loss`, `validation_loss` and the task's own, as `validation_NAME`."""


class Telling(TrainerCallback):
    """Tells the listeners."""

    def __init__(self, listeners: Sequence[Listener], *, total_epochs: int) -> None:
        self._listeners = listeners
        self._epochs = total_epochs
        self._loss: dict[str, float] = {}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        del args, control
        for listener in self._listeners:
            listener.progress(
                state.global_step / state.max_steps, f"epoch {state.epoch or 0:.1f} of {self._epochs}"
            )

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        del args, state, control
        if logs and "loss" in logs:
            self._loss = {"train_loss": logs["loss"], "learning_rate": logs["learning_rate"]}

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        del args, control
        found = {
            name.replace("eval_", "validation_", 1): value
            for name, value in (metrics or {}).items()
            if name.startswith("eval_") and name not in SPEEDS
        }
        for listener in self._listeners:
            listener.epoch(state.epoch or 0.0, {**self._loss, **found})


SPEEDS = {"eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_model_preparation_time"}
"""What the Trainer reports of its own speed."""
