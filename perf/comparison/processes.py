"""Processes of a comparison: each in a group of its own, which ends as a whole."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tritext.errors import TritextError

GRACE_S = 20.0
"""How long a group may take to end by itself."""


class Failed(TritextError):
    """A part of the comparison that could not be started, in one sentence."""


def call(command: Sequence[str | Path], log: Path) -> None:
    """Run a command to its end, its output in `log`.

    Raises:
        Failed: It ended with another status than 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        status = subprocess.call(command, stdout=file, stderr=subprocess.STDOUT)
    if status:
        last = (
            log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
        )[-1]
        raise Failed(f"{Path(command[0]).name} {command[1]} ended with status {status}: {last} (see {log})")


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in the background; it and all its children are gone afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    resume(process)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


def pause(process: "subprocess.Popen[Any]") -> None:
    """Stop a whole group where it stands: some servers take a fifth of a core while they wait for nothing."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGSTOP)


def resume(process: "subprocess.Popen[Any]") -> None:
    """Let a paused group go on."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGCONT)


def processor_seconds(process: "subprocess.Popen[Any]") -> float:
    """Processor time that it and all its children have taken so far."""
    taken = 0.0
    with suppress(psutil.NoSuchProcess):
        whole = psutil.Process(process.pid)
        for one in (whole, *whole.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                taken += times.user + times.system
    return taken


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
