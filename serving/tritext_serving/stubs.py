"""Triton's Python stubs as processes: which there are, and whether one died that should live. Knows no model but by its stub's name."""

import os
import select
import time
from contextlib import suppress
from pathlib import Path

import psutil

COMMAND = "triton_python_b"
"""How a stub's name begins, cut to the 15 characters that the kernel keeps."""

EXIT_CODE_FIELD = 52
"""Of /proc/PID/stat, see proc(5)."""

SEARCH_EVERY_S = 2.0
"""New stubs come when a model is loaded; to look for them goes through all processes of the machine."""


class StubWatch:
    """Tells within milliseconds when a stub of tritonserver was killed or crashed."""

    def __init__(self, triton_pid: int) -> None:
        self._triton = psutil.Process(triton_pid)
        self._names: dict[int, str] = {}
        self._descriptors: dict[int, int] = {}
        self._poll = select.poll()
        self._next_search = 0.0

    def dead(self, timeout: float) -> str | None:
        """The name of a stub that died, waiting for one up to `timeout` seconds; None if all are well.

        A stub that Triton itself has ended, because its model was unloaded, leaves with status 0 and is none of these.
        """
        if time.monotonic() >= self._next_search:
            self._find_new()
            self._next_search = time.monotonic() + SEARCH_EVERY_S
        for descriptor, _ in self._poll.poll(timeout * 1000):
            pid = self._descriptors[descriptor]
            name = self._names[pid]
            crashed = _exit_code(pid) != 0
            self._forget(descriptor)
            if crashed:
                return name
        return None

    def close(self) -> None:
        for descriptor in list(self._descriptors):
            self._forget(descriptor)

    def _find_new(self) -> None:
        with suppress(psutil.NoSuchProcess):
            for child in self._triton.children():
                if child.pid not in self._names and child.name().startswith(COMMAND):
                    self._watch(child)

    def _watch(self, stub: psutil.Process) -> None:
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            self._names[stub.pid] = _instance(stub)
            descriptor = os.pidfd_open(stub.pid)
            self._descriptors[descriptor] = stub.pid
            self._poll.register(descriptor, select.POLLIN)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        os.close(descriptor)
        del self._names[self._descriptors.pop(descriptor)]


def _instance(stub: psutil.Process) -> str:
    """The model instance that a stub runs, as its command line says it last but one: `tickets_tokenizer_0_0`."""
    with suppress(psutil.ZombieProcess, IndexError):
        return stub.cmdline()[-2]
    return f"a stub (process {stub.pid})"


def _exit_code(pid: int) -> int:
    """Of a process that has ended; 0 also where its parent has already taken note of it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    # The first field after the name is the third of the page's numbering.
    return int(fields[EXIT_CODE_FIELD - 3])
