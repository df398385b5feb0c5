"""What happens beside the training steps: a progress bar, stopping on Ctrl+C, and stopping when the loss breaks."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tritext.console import err
from tritext_training.errors import Diverged
from tritext_training.processes import Team
from tritext_training.tasks import Metric


class ProgressBar(TrainerCallback):
    """One bar for the whole training (epoch, step, loss, rate, time left) and one line per finished epoch."""

    def __init__(self, *, total_epochs: int, batch_size: int, best: Metric, shown: bool = True) -> None:
        self._epochs = total_epochs
        self._shown = shown
        self._best = best
        self._batch_size = batch_size
        self._loss = math.nan
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f} · {task.fields[rate]:.0f} rows/s ·"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not (shown and err.is_terminal),
        )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        del args, control
        self._started, self._first_step = time.monotonic(), state.global_step
        self._task = self._progress.add_task(
            "",
            total=state.max_steps,
            completed=state.global_step,
            epoch=f"1/{self._epochs}",
            loss=math.nan,
            rate=0.0,
        )
        self._progress.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        del args, control
        texts = (state.global_step - self._first_step) * self._batch_size
        self._progress.update(
            self._task,
            completed=state.global_step,
            epoch=f"{math.ceil(state.epoch or 0)}/{self._epochs}",
            loss=self._loss,
            rate=texts / (time.monotonic() - self._started),
        )

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        del args, state
        control.should_log = True  # so that each epoch's mean loss is its own, resumed or not

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        del args, state, control
        self._loss = (logs or {}).get("loss", self._loss)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        del args, control
        figures = metrics or {}
        if not self._shown:
            return
        err.print(
            f"epoch {state.epoch or 0:.4g}/{self._epochs}  loss {self._loss:.4f}  "
            f"validation loss {figures.get('eval_loss', math.nan):.4f}  "
            f"{self._best.name} {figures.get(f'eval_{self._best.key}', math.nan):.4f}",
            highlight=False,
        )

    def close(self) -> None:
        self._progress.stop()


class StopOnInterrupt(TrainerCallback):
    """The first Ctrl+C ends training after the current step; the epoch so far still competes for the best.

    Of several processes all stop after the same step, whichever heard it.
    """

    def __init__(self, team: Team) -> None:
        self.interrupted = False
        self._team = team

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        del args, state
        if self._team.any(self.interrupted):
            self.interrupted = control.should_training_stop = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl+C as a wish to stop early; the second one is meant as usual and aborts."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            signal.default_int_handler(number, frame)
        self.interrupted = True
        if not self._team.is_main:
            return
        err.print(
            "Stopping: keeping the best epoch so far (Ctrl+C again to abort; the run can then be resumed)."
        )


class StopOnBrokenLoss(TrainerCallback):
    """A loss that is no finite number never becomes one again: say so instead of training on."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        del control
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise Diverged(epoch=state.epoch or 0.0, learning_rate=args.learning_rate)
