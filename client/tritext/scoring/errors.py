"""What can stop bulk scoring, as one sentence each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tritext.errors import Interrupted, TritextError
from tritext.tables import BadRow


class ScoringError(TritextError):
    """Base of this part's errors."""


class OutputExists(ScoringError):
    """Nothing is overwritten unasked."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists: give another OUTPUT, or --overwrite to replace it.")


class OutputIsInput(ScoringError):
    """A run that replaced what it reads could not be resumed."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is both INPUT and OUTPUT: give another OUTPUT.")


class OutputUnwritable(ScoringError):
    """The disk is full, the folder is missing, or it may not be written to."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write {path}: {reason.lower()}.")


class ColumnsTaken(ScoringError):
    """The answers' columns would have names that columns of the input have."""

    def __init__(self, *, path: Path, names: Iterable[str]) -> None:
        taken = ", ".join(map(repr, names))
        super().__init__(
            f"{path} already has the answers' columns {taken}: give --prefix, such as `--prefix predicted_`, "
            "or leave some out with --keep."
        )


class SameNameTwice(ScoringError):
    """Two columns of the input have one name."""

    def __init__(self, *, path: Path, name: str) -> None:
        super().__init__(f"{path} has two columns {name!r}: rename one, or choose others with --keep.")


class NothingToKeep(ScoringError):
    """A column to keep is not there."""

    def __init__(self, *, path: Path, name: str, columns: Iterable[str]) -> None:
        super().__init__(
            f"{path} has no column {name!r} for --keep; its columns are {', '.join(map(repr, columns))}."
        )


class EveryTextCounts(ScoringError):
    """A choice of the best texts was asked for where each text is a row with a score of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Every row of {path} is one text and gets its own score: leave out --top-k and sort by score."
        )


class RunDiffers(ScoringError):
    """What is to go on was begun otherwise."""

    def __init__(self, *, folder: Path, what: str, was: Any, now: Any) -> None:
        super().__init__(
            f"{folder} holds a run that was begun with {what} {was!r}, not {now!r}: give the same to go on, "
            "or --overwrite to start anew."
        )


class InputChanged(ScoringError):
    """The input is not what it was when the run began."""

    def __init__(self, *, path: Path, what: str) -> None:
        super().__init__(
            f"{path} has changed since its scoring began ({what} differs): restore it to go on, "
            "or give --overwrite to start anew."
        )


class RunBusy(ScoringError):
    """Another process writes the same output."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another `tritext score` is writing {folder}: wait for it, or give another OUTPUT.")


class JournalUnreadable(ScoringError):
    """The journal was written by something else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds no run that can go on: give --overwrite to start anew.")


class Stopped(ScoringError):
    """A run ended before its end; what is done is kept."""

    def __init__(self, reason: str, *, rows: int, overwrite: bool, remedy: str = "") -> None:
        changes = [remedy] if remedy else []
        changes += ["without --overwrite"] if overwrite else []
        command = f"the same command {' and '.join(changes)}".strip()
        super().__init__(f"{reason} Rows done: {rows:,}; {command} goes on from row {rows + 1:,}.")


class RowRefused(BadRow):
    """A row has no answer, and nobody said to go on."""


class StoppedAtRow(Stopped):
    """The same, with what to do."""

    def __init__(self, error: RowRefused, *, rows: int, overwrite: bool) -> None:
        super().__init__(
            str(error),
            rows=rows,
            overwrite=overwrite,
            remedy="with --keep-going, which notes errors in a column,",
        )


class ServerStayedAway(Stopped):
    """The server did not come back while there was patience."""

    exit_code = 4


class StoppedByHand(Stopped):
    """Ctrl+C, or SIGTERM."""

    exit_code = Interrupted.exit_code
