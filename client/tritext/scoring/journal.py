"""A run's folder beside its output: what it was begun with, and how far it has come, whatever kills it.

The journal's first line says what the run was begun with; each further line is a mark. A mark is written when
all output before it is on the disk, so that the last whole one is always true. Knows no format and no network.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tritext.scoring.errors import JournalUnreadable, RunBusy, RunDiffers
from tritext.scoring.inputs import Fingerprint, Position
from tritext.scoring.outputs import written

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a run has come.

    Attributes:
        rows: Rows of the output.
        bad: Those of them that have an error.
        read: Where the input goes on.
        position: Where the output goes on.
        finished: Whether the complete file is made, so that it only has to be moved.
    """

    rows: int = 0
    bad: int = 0
    read: Position
    position: int = 0
    finished: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run was begun with.

    Attributes:
        options: What must be the same to go on, by the words for it.
        source: What the input was.
        errors: Whether the output has a column of errors.
        overwrite: Whether an existing output may be replaced.
    """

    options: Mapping[str, Any]
    source: Fingerprint
    errors: bool
    overwrite: bool

    def check(self, folder: Path, now: "Run", path: Path) -> None:
        """Raise if `now` is not the same run.

        Raises:
            RunDiffers: Something is asked for that was not.
            InputChanged: The input is another one.
        """
        for what in {**self.options, **now.options}:
            was, given = self.options.get(what), now.options.get(what)
            if was != given:
                raise RunDiffers(folder=folder, what=what, was=was, now=given)
        self.source.check(path)


class Journal:
    """The folder of a run that one process at a time works in."""

    def __init__(self, output: Path) -> None:
        self.folder = folder_of(output)
        self._path = self.folder / "journal.jsonl"
        with written(self.folder):
            self.folder.mkdir(exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise RunBusy(self.folder) from error

    def begin(self, run: Run, mark: Mark) -> None:
        """Start the journal, in one step that happens or does not."""
        lines = json.dumps({"format": FORMAT, **asdict(run)}) + "\n" + json.dumps(asdict(mark)) + "\n"
        fresh = self._path.with_suffix(".new")
        with written(self._path):
            with fresh.open("w", encoding="utf-8") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            sync_folder(self.folder)
            sync_folder(self.folder.parent)

    def clear(self) -> None:
        """Remove what an earlier run left; the journal first, since without it the rest counts for nothing."""
        with written(self.folder):
            self._path.unlink(missing_ok=True)
            for path in self.folder.iterdir():
                if path.name != "lock":
                    path.unlink()

    def note(self, mark: Mark) -> None:
        """Add a mark. All output before it must be on the disk."""
        with written(self._path), self._path.open("ab", buffering=0) as file:
            # What a killed process left of its last mark must not run into this one.
            file.write(f"\n{json.dumps(asdict(mark))}\n".encode())
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Nothing is left to go on with. The journal goes last, so that whatever interrupts this is made good."""
        with suppress(OSError):
            for path in sorted(self.folder.iterdir(), key=lambda path: path == self._path):
                path.unlink()
            self.folder.rmdir()

    def close(self) -> None:
        os.close(self._lock)


def folder_of(output: Path) -> Path:
    """Where a run keeps what it has."""
    return output.with_name(f"{output.name}.partial")


def begun(output: Path) -> tuple[Run, Mark] | None:
    """The run that was begun for this output and not ended, with its last mark.

    Raises:
        JournalUnreadable: There is one, but not of this kind.
    """
    folder = folder_of(output)
    try:
        first, *others = (folder / "journal.jsonl").read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise JournalUnreadable(folder) from error
    marks = [mark for mark in map(_mark, others) if mark]
    try:
        head = json.loads(first)
        if head.pop("format") != FORMAT:
            raise JournalUnreadable(folder)
        run = Run(**{**head, "source": Fingerprint(**head["source"])})
        return run, marks[-1]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise JournalUnreadable(folder) from error


def _mark(line: bytes) -> Mark | None:
    """A mark, if the line is a whole one."""
    try:
        found = json.loads(line)
        return Mark(**{**found, "read": Position(**found["read"])})
    except (ValueError, TypeError, KeyError):
        return None


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
