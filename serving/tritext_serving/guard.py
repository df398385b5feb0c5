"""The process between `tritext serve` and tritonserver, whose one duty is that nothing is left when either of them dies.

It runs as a script, without Tritext. It ends tritonserver when its own standard input closes, which happens however its
parent dies, and when tritonserver has ended, it removes the stubs and the shared memory that were left behind.

Options that nobody else on this machine is to read come in an environment variable.

Usage: guard.py GRACE_SECONDS SHARED_MEMORY_PREFIX TEMPORARY_FOLDER PROGRAM [ARGUMENT ...]
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps POSIX shared memory
GUARDED = "TRITEXT_GUARDED_ARGUMENTS"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(grace: float, prefix: str, folder: Path, command: list[str]) -> int:
    parent = os.getppid()
    command = [*command, *json.loads(os.environ.pop(GUARDED, "[]"))]
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # Stubs whose tritonserver died become our children, so that we can see them end, on machines without an init too.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    # Our standard output is for the process number alone: what Triton writes must not come before it.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=_prepare)  # noqa: PLW1509
    print(child.pid, flush=True)  # noqa: T201
    _wait_for_either(child)
    _end(child, grace)
    _end_stubs(child.pid)
    for segment in SHARED_MEMORY.glob(f"{prefix}*"):
        segment.unlink(missing_ok=True)
    if os.getppid() != parent:
        shutil.rmtree(folder, ignore_errors=True)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _prepare() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    # A group of its own: a Ctrl+C in the terminal must not reach Triton's stubs, which still have answers to give.
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_either(child: "subprocess.Popen[bytes]") -> None:
    """Return when tritonserver has ended or the parent has closed our standard input."""
    stdin = sys.stdin.fileno()
    watch = select.poll()
    watch.register(os.pidfd_open(child.pid), select.POLLIN)
    watch.register(stdin, select.POLLIN | select.POLLHUP)
    while not any(descriptor != stdin or not os.read(stdin, 64) for descriptor, _ in watch.poll()):
        pass


def _end(child: "subprocess.Popen[bytes]", grace: float) -> None:
    if child.poll() is None and grace > 0:
        child.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    if child.poll() is None:
        child.kill()
    child.wait()


def _end_stubs(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        for _ in range(500):
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.01)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:]))
