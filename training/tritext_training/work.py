"""The folder in which a run works, beside its output: what makes a run resumable and its output appear whole.

It refuses to know what is trained. Its life: `work_folder` → training saves into `checkpoints` → the result is
written into `result` → `publish` renames that to the output and removes the rest.
"""

import errno
import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from safetensors import SafetensorError

from tritext_training.errors import (
    AlreadyRunning,
    DifferentRun,
    DiskFull,
    NotWritable,
    OutputExists,
    OutputForeign,
)

_LEAST_FREE_BYTES = 16 * 2**20


@dataclass(frozen=True, kw_only=True)
class WorkFolder:
    """An exclusive place to work in."""

    output: Path
    path: Path

    @classmethod
    def beside(cls, output: Path) -> "WorkFolder":
        """Where it is, whoever made it."""
        output = output.expanduser().absolute()
        return cls(output=output, path=output.parent / f".{output.name}.training")

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def result(self) -> Path:
        return self.path / "result"

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint that was written to its end; halves left by a killed run are removed."""
        complete = []
        for folder in self.checkpoints.glob("checkpoint-*"):
            if _is_complete(folder):
                complete.append(folder)
            else:
                shutil.rmtree(folder)
        return max(complete, key=lambda folder: int(folder.name.partition("-")[2]), default=None)

    def fresh_result(self) -> Path:
        shutil.rmtree(self.result, ignore_errors=True)
        self.result.mkdir()
        return self.result

    def publish(self) -> None:
        """Give the result its name; a folder that may be replaced steps aside first."""
        for file in self.result.rglob("*"):
            file.chmod(0o644 if file.is_file() else 0o755)  # safetensors writes for the owner only
        if self.output.exists():
            self.output.rename(self.path / "replaced")
        self.result.rename(self.output)
        shutil.rmtree(self.path)


@contextmanager
def work_folder(output: Path, *, job: dict[str, Any], overwrite: bool) -> Iterator[WorkFolder]:
    """Make the work folder, or take up the one that an interrupted run of the same job left; lock it meanwhile.

    Args:
        output: Where the result goes in the end.
        job: What the run is, as JSON; an interrupted run is only resumed if it is exactly this.
        overwrite: Whether an existing output, or the rest of another run, may be replaced.
    """
    folder = WorkFolder.beside(output)
    output, path = folder.output, folder.path
    refuse_existing(output, overwrite=overwrite)
    with disk_errors(output.parent):
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("w")
    with lock, disk_errors(output.parent):
        _lock(lock, output)
        _claim(path, output, job=json.loads(json.dumps(job)), overwrite=overwrite)
        folder.checkpoints.mkdir(exist_ok=True)
        yield folder


def refuse_existing(output: Path, *, overwrite: bool) -> None:
    """Said before any work is done; an empty folder is as good as none, and only our own results are replaced."""
    with disk_errors(output):
        if not output.exists() or (output.is_dir() and not any(output.iterdir())):
            return
        if not (output / "training_report.json").is_file():
            raise OutputForeign(output=output)
    if not overwrite:
        raise OutputExists(output=output)


def _lock(lock: IO[str], output: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AlreadyRunning(output=output) from error


def _claim(path: Path, output: Path, *, job: dict[str, Any], overwrite: bool) -> None:
    record = path / "job.json"
    if record.exists():
        before = _read_json(record) or {}
        differences = [
            f"{key} was {before.get(key)}, now {job.get(key)}"
            for key in sorted({*before, *job})
            if before.get(key) != job.get(key)
        ]
        if differences and not overwrite:
            raise DifferentRun(output=output, differences=differences)
        if differences:
            shutil.rmtree(path / "checkpoints", ignore_errors=True)
    record.write_text(json.dumps(job, indent=2))


def _is_complete(folder: Path) -> bool:
    """The trainer writes its state last, so a state that can be read says that the rest is there."""
    return _read_json(folder / "trainer_state.json") is not None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def disk_errors(folder: Path, *, remedy: str = "choose another --output") -> Iterator[None]:
    """Turn what libraries raise while writing under `folder` into sentences.

    torch and safetensors report a full disk as errors of their own, so the disk itself is asked.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder=folder, free=free_bytes(folder)) from error
        raise NotWritable(folder=folder, reason=error.strerror or str(error), remedy=remedy) from error
    except (RuntimeError, SafetensorError) as error:
        if free_bytes(folder) < _LEAST_FREE_BYTES:
            raise DiskFull(folder=folder, free=free_bytes(folder)) from error
        raise


def require_free_bytes(folder: Path, needed: int) -> None:
    if free_bytes(folder) < needed:
        raise DiskFull(folder=folder, needed=needed, free=free_bytes(folder))


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.exists())).free
