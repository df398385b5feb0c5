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


class OptionOfOtherTasks(TrainingError):
    """An option was given that means nothing for the task."""

    def __init__(self, *, option: str, task: str, tasks: Iterable[str]) -> None:
        super().__init__(f"--{option} is no option of {task}: only of {', '.join(tasks)}.")


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


class TooFewToSplit(TrainingError):
    """The rows do not reach for training, validation and test."""

    def __init__(self, *, path: Path, units: str, count: int) -> None:
        super().__init__(
            f"{path} gives {count} different {units}: some must be left to choose the best epoch by (and to test "
            "with, if there is no --eval-data), and none may be in two places; add rows."
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


class NoAnswers(TrainingError):
    """No question shows where its answer stands."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(
            f"{path} has no question whose answer stands in its context: expected answers in the context's own words."
        )


class NothingToRank(TrainingError):
    """No query has a relevant text and another one."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(
            f"{path} has no query with both relevant and irrelevant texts: expected several texts per query, their "
            "relevance 0, or above 0 for the relevant ones."
        )


class OneScore(TrainingError):
    """All pairs are said to be equally similar."""

    def __init__(self, *, score: float) -> None:
        super().__init__(
            f"Every pair of the data has the score {score:g}: expected different ones to learn from."
        )


class PoolingUnknown(TrainingError):
    """The base makes its embeddings in a way that is not trained here."""

    def __init__(self, *, source: str, found: str, known: Iterable[str]) -> None:
        super().__init__(
            f"The base checkpoint {source!r} makes its embeddings by {found}: expected pooling by one of "
            f"{', '.join(known)}, and nothing after it but normalisation."
        )


class LabelWithoutName(TrainingError):
    """A label is neither one of the names given nor a number that stands for one."""

    def __init__(self, *, path: Path, label: str, names: Sequence[str]) -> None:
        super().__init__(
            f"{path} has the label {label[:80]!r}, but --label-names gives {len(names)} names ({_some(names)}): "
            f"expected one of them or a number from 0 to {len(names) - 1}."
        )


class NamesUnusable(TrainingError):
    """No list of names."""

    def __init__(self, *, given: str, reason: str) -> None:
        super().__init__(f"--label-names {given[:80]!r} cannot be used: {reason}.")


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


class NotWritable(TrainingError):
    """The place for the output, or for rows meanwhile, cannot be written; `remedy` says how to choose another."""

    def __init__(self, *, folder: Path, reason: str, remedy: str) -> None:
        super().__init__(f"Cannot write to {folder}: {reason.lower()}; {remedy}.")


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


class TooFewRowsToShare(TrainingError):
    """A batch has fewer rows than there are processes, or pieces, to share it."""

    def __init__(self, *, rows: int, batch_size: int, shares: int) -> None:
        super().__init__(
            f"{rows} training rows in batches of at most {batch_size} do not give each of {shares} shares "
            "(processes times pieces) a row: start fewer processes, or lower --gradient-accumulation."
        )


class TeacherUnusable(TrainingError):
    """The teacher cannot teach this student."""

    def __init__(self, *, source: str, reason: str) -> None:
        super().__init__(
            f"The teacher {source!r} cannot be used: {reason}. Expected a classifier trained on the same labels."
        )


class LayersNotFound(TrainingError):
    """The base has no layers that can be left out."""

    def __init__(self, *, source: str, layers: int, there: int) -> None:
        reason = f"it has {there}" if layers > there else f"none of its {there} can be left out singly"
        super().__init__(f"--layers is {layers}, but {source!r} cannot be cut to that: {reason}.")


class SearchAlone(TrainingError):
    """A search was started in several processes."""

    def __init__(self) -> None:
        super().__init__("--search runs its trials in one process: start it without torchrun or accelerate.")


class Pruned(TrainingError):
    """A trial fell behind: what ends it early. The search hears it, no user does."""

    def __init__(self) -> None:
        super().__init__("This trial fell behind the others.")


class NothingFound(TrainingError):
    """No trial of a search came to its end."""

    def __init__(self, *, trials: int) -> None:
        super().__init__(
            f"None of {trials} trials came to its end: choose lower learning rates yourself, with --learning-rate."
        )


class ProcessLost(TrainingError):
    """One of the processes that train together is gone."""

    def __init__(self, *, processes: int) -> None:
        super().__init__(
            f"One of the {processes} processes that train together ended before its time (its own message says "
            "why): run the same command again, it goes on after the last finished epoch."
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
