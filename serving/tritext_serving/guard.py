"""The process between `tritext serve` and tritonserver, whose one duty is that nothing is left when either of them dies.

It runs as a script, without Tritext. It ends tritonserver when its own standard input closes (which happens however its
parent dies), and when tritonserver has ended, it removes the stubs and the shared memory that were left behind.

Usage: guard.py EXIT_TIMEOUT_SECONDS SHARED_MEMORY_PREFIX PROGRAM [ARGUMENT ...]
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps POSIX shared memory


def main(exit_timeout: float, prefix: str, command: list[str]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)  # noqa: PLW1509 - one thread
    print(child.pid, flush=True)  # noqa: T201 - the parent reads this line
    _wait_for_either(child)
    if child.poll() is None:
        _end(child, exit_timeout)
    _clean_up(child.pid, prefix)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _die_with_parent() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # A group of its own: a Ctrl+C in the terminal must not reach Triton's stubs, which still have answers to give.
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_either(child: "subprocess.Popen[bytes]") -> None:
    """Return when tritonserver has ended or the parent has closed our standard input."""
    watch = select.poll()
    watch.register(os.pidfd_open(child.pid), select.POLLIN)
    watch.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    while not any(descriptor != sys.stdin.fileno() or _closed() for descriptor, _ in watch.poll()):
        pass


def _closed() -> bool:
    return not os.read(sys.stdin.fileno(), 64)


def _end(child: "subprocess.Popen[bytes]", exit_timeout: float) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(exit_timeout + 5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _clean_up(group: int, prefix: str) -> None:
    with suppress(ProcessLookupError, PermissionError):
        # Not without end: where no process reaps orphans, a dead stub stays in the group for ever.
        for _ in range(50):
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.02)
    for segment in SHARED_MEMORY.glob(f"{prefix}*"):
        segment.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))
