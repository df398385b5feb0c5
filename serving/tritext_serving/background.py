"""A server that outlives the command that started it: its log in a file, its process number in another once it is ready."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tritext.console import err
from tritext_serving import foreground
from tritext_serving.errors import AlreadyRunning, DetachedFailed
from tritext_serving.settings import ServeSettings

COMMAND = "from tritext.cli import main; main()"

PROMPT = "error: "
"""How the command line begins the sentence that says what went wrong."""


def start(settings: ServeSettings, *, pid_file: Path) -> None:
    """Start a server in the background and return when every model is ready.

    Raises:
        BadPidFile: the file cannot be written.
        AlreadyRunning: the file names a server that runs.
        DetachedFailed: it ended before it was ready, with the reason.
    """
    foreground.check(pid_file)
    _refuse_second(pid_file)
    log_file = pid_file.with_suffix(".log")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", *_arguments(settings, pid_file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    with err.status("Starting Triton …"):
        _wait(process, pid_file, log_file)
    err.print(log_file.read_text(encoding="utf-8").strip(), markup=False, highlight=False, soft_wrap=True)
    err.print(
        f"Log: {log_file}. Stop it with: kill $(cat {pid_file})",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _wait(process: "subprocess.Popen[bytes]", pid_file: Path, log_file: Path) -> None:
    try:
        while not pid_file.exists():
            if process.poll() is not None:
                raise DetachedFailed(reason=_last_sentence(log_file), log=log_file)
            time.sleep(0.05)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _refuse_second(pid_file: Path) -> None:
    with suppress(OSError, ValueError, OverflowError):
        pid = int(pid_file.read_text(encoding="utf-8"))
        os.kill(pid, 0)
        raise AlreadyRunning(pid=pid, pid_file=pid_file)
    pid_file.unlink(missing_ok=True)


def _last_sentence(log_file: Path) -> str:
    lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix(PROMPT) if lines else "it wrote nothing"


def _arguments(settings: ServeSettings, pid_file: Path) -> list[str]:
    """The options of `tritext serve`, which are called as the fields of the settings are."""
    given = {**asdict(settings), "pid_file": pid_file}
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
