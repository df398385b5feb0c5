"""One tritonserver process: started under its guard, its log read, ended. Knows nothing of models."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tritext_serving import cache, request_size, tls, tracing
from tritext_serving.backend_folder import BackendFolder
from tritext_serving.errors import ServerDied
from tritext_serving.log import Log
from tritext_serving.ports import Endpoints
from tritext_serving.settings import ServeSettings
from tritext_serving.triton import Triton
from tritext_serving.view import View

GUARD = Path(__file__).with_name("guard.py")

GRACE = 5.0
"""Seconds that Triton gets for its requests in flight when `tritext serve` was killed and nobody is left to drain it."""

KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": 32 << 20,
    "MALLOC_TRIM_THRESHOLD_": 256 << 20,
    "MALLOC_TOP_PAD_": 32 << 20,
}
"""What glibc's malloc keeps for the next batch, in bytes, which torch would else give back and fault in again every time."""

RETURNED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": 1 << 20}
"""From this size on, in bytes, what is freed goes back to the system: what an arena took for one batch of long texts."""

HAVE_ARENAS = frozenset({"onnxruntime", "python", "ensemble"})
"""Backends that need nothing kept: ONNX Runtime has an arena of its own, the others allocate little."""


def _nothing(_pid: int) -> None:
    pass


class TritonProcess:
    """A running tritonserver, from its start to its end. `began` is told its number once it has read its command line."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        place: Path,
        log: Log,
        began: Callable[[int], None] = _nothing,
    ) -> None:
        shared_memory = f"tritext-{uuid.uuid4().hex[:12]}-"
        prefix = f"--backend-config=python,shm-region-prefix-name={shared_memory}"
        self.log, self._began = log, began
        self._guard = subprocess.Popen(
            [sys.executable, "-I", str(GUARD), str(GRACE), shared_memory, str(place), *command, prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd=place,
            start_new_session=True,
        )
        self.pid = self._read_pid()
        self._reader = threading.Thread(target=self._read_log, name="triton-log", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        return self._guard.poll() is None

    def wait(self, timeout: float) -> bool:
        """Whether it ended within `timeout` seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(timeout)
        return not self.running

    def death(self) -> ServerDied:
        """Why it ended, as far as its log tells."""
        self._reader.join(1)
        return ServerDied(status=self._guard.wait(), log=list(self.log.last))

    def refuse_new(self) -> None:
        """Let no new connection in; those that are there are still served."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, connections are cut; returns when nothing of it is left."""
        self._signal(signal.SIGKILL)
        _pipe(self._guard.stdin).close()
        self._guard.wait()
        self._reader.join()

    def _signal(self, number: signal.Signals) -> None:
        # While the guard lives, the number cannot have passed to a stranger for long enough to matter.
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _read_pid(self) -> int:
        with _pipe(self._guard.stdout) as output:
            line = output.readline().strip()
        if line:
            return int(line)
        with _pipe(self._guard.stderr) as lines, _pipe(self._guard.stdin):
            log = lines.read().decode(errors="replace").splitlines()
        raise ServerDied(status=self._guard.wait(), log=log)

    def _read_log(self) -> None:
        with _pipe(self._guard.stderr) as lines:
            for number, line in enumerate(lines):
                if number == 0:
                    self._began(self.pid)
                self.log.read(line.decode(errors="replace").rstrip("\n"))


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101 - Popen was asked for it
    return end


def command(
    triton: Triton, backends: BackendFolder, shown: View, settings: ServeSettings, endpoints: Endpoints
) -> list[str]:
    """Tritonserver's command line. It loads all models before it opens its ports: a client never meets half a server."""
    options = {
        "model-repository": shown.path,
        "model-control-mode": "explicit",
        "exit-on-error": "false",
        # Not while another version is loaded beside the live one: its ports open when all models are ready anyway.
        "strict-readiness": "false",
        "backend-directory": backends.path,
        "cache-directory": triton.caches,
        "http-address": endpoints.plain_host,
        "http-port": endpoints.http,
        "grpc-address": endpoints.host,
        "grpc-port": endpoints.grpc,
        "metrics-address": endpoints.plain_host,
        "metrics-port": endpoints.metrics,
        "exit-timeout-secs": max(1, round(settings.exit_timeout)),
        "log-verbose": int(settings.log_level == "verbose"),
        **tls.arguments(settings),
        **request_size.arguments(settings, triton.executable),
        **cache.arguments(settings),
    }
    switches = ["--disable-auto-complete-config"] if shown.configs_complete else []
    loaded = [f"--load-model={name}" for name in shown.models]
    given = [f"--{name}={value}" for name, value in options.items()]
    return [str(triton.executable), *given, *loaded, *tracing.arguments(settings), *switches]


def environment(backends: BackendFolder, used: Iterable[str]) -> dict[str, str]:
    """This process's environment, with the running interpreter's packages and libraries before all others.

    `used` are the backends of the models that are served.
    """
    own = dict(os.environ)
    # ONNX Runtime reports its use to its maker unless it is told not to; a server of customers' texts must not.
    own.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # The interpreter inside the stub finds its packages as a `python3` started from PATH would.
    own["PATH"] = _prepended([str(Path(sys.executable).parent)], own.get("PATH"))
    own["LD_LIBRARY_PATH"] = _prepended(
        [str(path) for path in backends.libraries], own.get("LD_LIBRARY_PATH")
    )
    # torch's threads spin while they wait unless told otherwise, and take the cores away from other instances.
    own.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The tokenizer's threads would do the same to texts that take microseconds each.
    own.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name, size in (RETURNED_MEMORY if HAVE_ARENAS.issuperset(used) else KEPT_MEMORY).items():
        own.setdefault(name, str(size))
    return own


def _prepended(first: Sequence[str], rest: str | None) -> str:
    return os.pathsep.join([*first, rest] if rest else first)
