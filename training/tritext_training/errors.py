"""What can go wrong in training, as one sentence each."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tritext.errors import TritextError

_SHOWN = 8


class TrainingError(TritextError):
    """Base of what training has to say to its user."""


class UnknownTask(TrainingError):
    """No module trains this task."""

    def __init__(self, *, task: str, known: Iterable[str]) -> None:
        super().__init__(f"No task is called {task!r}: expected one of {', '.join(sorted(known))}.")


class BadOption(TrainingError):
    """An option's value is outside of what makes sense."""

    def __init__(self, *, option: str, value: object, expected: str) -> None:
        super().__init__(f"--{option} is {value}: expected {expected}.")


class TooFewLabels(TrainingError):
    """There is nothing to tell apart."""

    def __init__(self, *, path: Path, labels: Sequence[str]) -> None:
        super().__init__(
            f"{path} has {len(labels)} label(s) ({_some(labels)}): a classifier needs rows of at least two labels."
        )


class TooFewRows(TrainingError):
    """The rows do not reach for every split."""

    def __init__(self, *, path: Path, rows: int, labels: int) -> None:
        super().__init__(
            f"{path} gives {rows} rows for {labels} labels: every label needs one row to train on, and rows must "
            "be left to choose the best epoch by (and to test with, if there is no --eval-data); add rows."
        )


class UnseenLabels(TrainingError):
    """The evaluation data use labels that training never shows."""

    def __init__(self, *, path: Path, labels: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(
            f"{path} uses label(s) that the training data do not have: {_some(labels)}; expected only {_some(known)}."
        )


class MixedLabelling(TrainingError):
    """One file holds one label per row, the other lists of labels."""

    def __init__(self, *, path: Path, multi_label: bool) -> None:
        came, other = ("several labels", "one label") if multi_label else ("one label", "several labels")
        super().__init__(f"{path} has {came} per row but the training data have {other}: make both the same.")


class BaseUnusable(TrainingError):
    """The base checkpoint cannot be loaded as an encoder with a classification head."""

    def __init__(self, *, source: str, reason: str) -> None:
        super().__init__(f"The base checkpoint {source!r} cannot be used: {reason.rstrip('.')}.")


class MaxLengthTooLong(TrainingError):
    """More tokens were asked for than the model has positions."""

    def __init__(self, *, max_length: int, limit: int, source: str) -> None:
        super().__init__(
            f"--max-length is {max_length}, but {source!r} reads at most {limit} tokens: use at most {limit}."
        )


class OutputExists(TrainingError):
    """Something finished is already there."""

    def __init__(self, *, output: Path) -> None:
        super().__init__(f"{output} exists already: choose another --output, or replace it with --overwrite.")


class OutputForeign(TrainingError):
    """Something is there that no training left, so it is not ours to replace."""

    def __init__(self, *, output: Path) -> None:
        super().__init__(
            f"{output} exists and is no result of a training, so even --overwrite leaves it alone: choose another --output."
        )


class OutputNotWritable(TrainingError):
    """The place for the output cannot be written."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(f"Cannot write to {folder}: {reason.lower()}; choose another --output.")


class DiskFull(TrainingError):
    """The disk has no room for the run."""

    def __init__(self, *, folder: Path, needed: int | None = None, free: int) -> None:
        wanted = f"about {needed / 1e6:,.0f} MB are needed and " if needed else ""
        super().__init__(
            f"The disk under {folder} is full: {wanted}{free / 1e6:,.0f} MB are free; make room and run the same "
            "command again, it goes on where it stopped."
        )


class AlreadyRunning(TrainingError):
    """Another process trains into the same output."""

    def __init__(self, *, output: Path) -> None:
        super().__init__(
            f"Another process is training into {output}: wait for it or choose another --output."
        )


class DifferentRun(TrainingError):
    """An interrupted run is there, but of another configuration or other data."""

    def __init__(self, *, output: Path, differences: Sequence[str]) -> None:
        super().__init__(
            f"An interrupted run for {output} was started differently ({_some(differences)}): repeat its command to "
            "resume it, or start afresh with --overwrite."
        )


class Diverged(TrainingError):
    """The loss is no number any more."""

    def __init__(self, *, epoch: float, learning_rate: float) -> None:
        super().__init__(
            f"The loss became NaN or infinite in epoch {epoch:.1f}: lower --learning-rate (it was {learning_rate:g})."
        )


def _some(items: Sequence[str]) -> str:
    shown = ", ".join(str(item)[:80] for item in items[:_SHOWN])
    return f"{shown}, … ({len(items)} in all)" if len(items) > _SHOWN else shown
