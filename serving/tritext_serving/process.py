"""One tritonserver process: started under its guard, its log passed on, ended cleanly. Knows nothing of models."""

import os
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tritext_serving.backend_folder import BackendFolder
from tritext_serving.errors import ServerDied
from tritext_serving.ports import Endpoints
from tritext_serving.settings import ServeSettings
from tritext_serving.triton import Triton

GUARD = Path(__file__).with_name("guard.py")
LAST_LINES = 50
"""How much of the log is kept to explain a death."""


class TritonProcess:
    """A running tritonserver, from its start to its end."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], exit_timeout: float, say: Callable[[str], None]
    ) -> None:
        self.shared_memory = f"tritext-{uuid.uuid4().hex[:12]}-"
        self.log: deque[str] = deque(maxlen=LAST_LINES)
        self._say = say
        prefix = f"--backend-config=python,shm-region-prefix-name={self.shared_memory}"
        self._guard = subprocess.Popen(
            [sys.executable, "-I", str(GUARD), str(exit_timeout), self.shared_memory, *command, prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
        self.pid = self._read_pid()
        self._pump = threading.Thread(target=self._pass_on_log, name="triton-log", daemon=True)
        self._pump.start()

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._guard.poll()

    def death(self) -> ServerDied:
        """Why it ended, as far as its log tells."""
        self._pump.join(1)
        return ServerDied(status=self.status or 0, log=[line for line in self.log if line.strip()])

    def stop(self) -> None:
        """End it: requests in flight are answered first, within the exit timeout. Returns when all is cleaned up."""
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._guard.wait()
        self._pump.join(1)

    def kill(self) -> None:
        """End it at once; connections are cut."""
        if self.status is None:
            os.kill(self.pid, 9)
        self.stop()

    def wait(self, timeout: float) -> bool:
        """Whether it ended within `timeout` seconds."""
        try:
            self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read_pid(self) -> int:
        assert self._guard.stdout is not None  # noqa: S101 - it is a pipe, see above
        line = self._guard.stdout.readline().strip()
        if not line.isdigit():
            self._guard.wait()
            raise ServerDied(status=self._guard.returncode, log=[line.decode(errors="replace")])
        return int(line)

    def _pass_on_log(self) -> None:
        assert self._guard.stdout is not None  # noqa: S101 - it is a pipe, see above
        for line in self._guard.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            self.log.append(text)
            self._say(text)


def command(
    triton: Triton, folder: BackendFolder, settings: ServeSettings, endpoints: Endpoints
) -> list[str]:
    """Tritonserver's command line: explicit model control, nothing loaded, our ports and backends."""
    level = settings.log_level
    options = {
        "model-repository": settings.repository.resolve(),
        "model-control-mode": "explicit",
        "backend-directory": folder.path,
        "cache-directory": triton.caches,
        "http-address": endpoints.host,
        "http-port": endpoints.http,
        "grpc-address": endpoints.host,
        "grpc-port": endpoints.grpc,
        "metrics-address": endpoints.host,
        "metrics-port": endpoints.metrics,
        "exit-timeout-secs": max(1, round(settings.exit_timeout)),
        "log-error": "true",
        "log-warning": _flag(level != "error"),
        "log-info": _flag(level in {"info", "verbose"}),
        "log-verbose": int(level == "verbose"),
    }
    return [str(triton.executable), *(f"--{name}={value}" for name, value in options.items())]


def environment(folder: BackendFolder) -> dict[str, str]:
    """This process's environment, with the running interpreter's packages and libraries before all others."""
    own = dict(os.environ)
    # The interpreter inside the stub finds its packages as a `python3` started from PATH would.
    own["PATH"] = _prepended([str(Path(sys.executable).parent)], own.get("PATH"))
    own["LD_LIBRARY_PATH"] = _prepended([str(path) for path in folder.libraries], own.get("LD_LIBRARY_PATH"))
    own["PYTHONUNBUFFERED"] = "1"
    return own


def _prepended(first: Sequence[str], rest: str | None) -> str:
    return os.pathsep.join([*first, rest] if rest else first)


def _flag(value: bool) -> str:  # noqa: FBT001 - one meaning
    return "true" if value else "false"
