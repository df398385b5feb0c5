"""A job's process as its worker sees it: started, listened to, answered, ended. Knows no database and no broker.

Both speak in lines of JSON. The process ends itself when its standard input closes, which happens however the worker dies.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tritext_jobs.settings import BROKER, DATABASE

GRACE_SECONDS = 10.0
"""For tidying up, when a process is to stop."""


class JobProcess:
    """One job's process.

    Attributes:
        progress, message: How far it says it is.
        reply: Its last word: `result`, `reports` and `parts`, or `error`.
        pin: Arguments that it wants settled before it goes on; `pinned` answers.
    """

    def __init__(self, order: Mapping[str, Any], *, log: Path) -> None:
        self.progress, self.message = 0.0, ""
        self.reply: dict[str, Any] | None = None
        self.pin: dict[str, Any] | None = None
        self._attention = threading.Event()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as lines:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tritext_jobs.child", str(order["id"])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=lines,
                env=_environment(),
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self._say(order)

    def ended(self, seconds: float) -> bool:
        """Wait until it ends or wants something, so many seconds at most; whether it has ended."""
        self._attention.wait(seconds)
        self._attention.clear()
        if self._reader.is_alive():
            return False
        self._process.wait()
        return True

    @property
    def status(self) -> int:
        return int(self._process.wait())

    def pinned(self) -> None:
        """Tell it that its arguments are settled."""
        self.pin = None
        self._say({"pinned": True})

    def stop(self) -> None:
        """Let it tidy up and end; end it if it does not."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it at once, with all that it started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        with suppress(OSError):
            _pipe(self._process.stdin).close()
        self._reader.join(1)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None or number == signal.SIGKILL:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _say(self, value: Mapping[str, Any]) -> None:
        with suppress(OSError):  # it has ended; `ended` says so
            pipe = _pipe(self._process.stdin)
            pipe.write(json.dumps(value).encode() + b"\n")
            pipe.flush()

    def _listen(self) -> None:
        with _pipe(self._process.stdout) as lines:
            for line in lines:
                self._hear(json.loads(line))
        self._attention.set()

    def _hear(self, said: dict[str, Any]) -> None:
        if "progress" in said:
            self.progress, self.message = said["progress"], said["message"]
        elif "pin" in said:
            self.pin = said["pin"]
            self._attention.set()
        else:
            self.reply = said


def _environment() -> dict[str, str]:
    """This process's, without the addresses that only workers need, since they may hold passwords."""
    secret = {DATABASE, BROKER}
    own = {name: value for name, value in os.environ.items() if name not in secret}
    # torch's threads that wait do not spin, so that a job beside others does not starve them.
    return {"OMP_WAIT_POLICY": "passive", **own}


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101 - Popen was asked for it
    return end
