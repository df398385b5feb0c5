"""A Triton that serves a repository: started, watched, started again, drained, stopped. The story; each chapter has its module."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tritext_serving import (
    backend_folder,
    drain,
    plan,
    ports,
    process,
    queues,
    readiness,
    repository,
    tls,
    triton,
    view,
)
from tritext_serving.access import Access
from tritext_serving.control import Control
from tritext_serving.errors import (
    GaveUp,
    Interrupted,
    NotReady,
    Refused,
    ServingError,
    StartTimeout,
    Unreachable,
)
from tritext_serving.follow import EVERY_S, Follower
from tritext_serving.live import FILE, LiveVersions
from tritext_serving.log import Log
from tritext_serving.settings import ServeSettings
from tritext_serving.stubs import StubWatch

SETTLED = 5.0
"""Seconds after which a server that dies is taken to have been killed, not to be broken."""

PATIENCE = 5
"""Starts in a row that may fail, or not live until settled, before we give up."""


def _silent(_: object) -> None:
    pass


class Server:
    """A supervised Triton: `start` returns when every model is ready, `stop` when nothing is left of it.

    When tritonserver or one of its Python stubs dies, all of it is started again. A dead stub alone could be replaced,
    but meanwhile Triton would answer INTERNAL and NOT_FOUND; so it is cut at once, before it can, and every client sees
    what is true and may be tried again: the server is unavailable.
    """

    def __init__(
        self,
        settings: ServeSettings,
        *,
        say: Callable[[str], None] = _silent,
        pass_on_log: Callable[[str], None] = _silent,
    ) -> None:
        self.settings = settings
        self._say = say
        self._pass_on_log = pass_on_log
        self._triton = triton.find(settings.tritonserver)
        self._live = LiveVersions.read(settings.live_file or settings.repository / FILE)
        self.repository = repository.read(settings.repository, self._live.versions)
        tls.check(settings)
        self._access = Access(settings.api_key_file)
        self.endpoints = ports.choose(settings)
        self.control = Control(url=self.endpoints.http_url, headers=self._access.headers)
        self._place = tempfile.TemporaryDirectory(prefix="tritext-")
        self._backends = backend_folder.assemble(self._triton, Path(self._place.name))
        self._process: process.TritonProcess | None = None
        self.restarts = 0
        self._ready = False
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._failure: ServingError | None = None
        self._watcher = threading.Thread(target=self._supervise, name="triton-watch", daemon=True)
        self._follower: Follower | None = None
        self._drawing = threading.Lock()
        self._following = threading.Thread(target=self._follow, name="triton-follow", daemon=True)

    @property
    def http_url(self) -> str:
        """`host:port`, as tritonclient and curl take it."""
        return self.endpoints.http_url

    @property
    def grpc_url(self) -> str:
        """`host:port`, as tritonclient takes it."""
        return self.endpoints.grpc_url

    @property
    def metrics_url(self) -> str:
        """The whole URL of Prometheus' page."""
        return self.endpoints.metrics_url

    @property
    def pid(self) -> int:
        """Of tritonserver itself; another one after a restart."""
        return self._running.pid

    def start(self, progress: Callable[[frozenset[str]], None] = _silent) -> None:
        """Start Triton and return when every model is ready; `progress` is told the models that are not yet.

        Raises:
            NotReady: models failed to load; says which and why.
            StartTimeout: it takes longer than `settings.timeout`.
            ServerDied: tritonserver ended.
        """
        self._launch(progress)
        self._access.keep(self.endpoints.http)
        self._watcher.start()
        self._following.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the server has ended for good within `timeout` seconds; raises GaveUp if it keeps dying."""
        over = self._over.wait(timeout)
        if self._failure:
            raise self._failure
        return over

    def stop(self) -> bool:
        """End everything; whether the requests in flight could be answered first, within `settings.exit_timeout`."""
        self._stopping.set()
        for thread in (self._watcher, self._following):
            if thread.is_alive():
                thread.join()
        try:
            return self._drained()
        finally:
            if self._process:
                self._process.kill()
            self._access.forget()
            self._place.cleanup()
            self._over.set()

    def _drained(self) -> bool:
        if self._process is None or not self._process.running or not self._ready:
            return True
        return drain.drain(self._process, self.control, self.repository, seconds=self.settings.exit_timeout)

    @property
    def _running(self) -> process.TritonProcess:
        assert self._process is not None  # noqa: S101 - only a started server is asked
        return self._process

    def _launch(self, progress: Callable[[frozenset[str]], None] = _silent) -> None:
        self._ready = False
        with self._drawing:
            self._follower = None
        self.repository = repository.read(self.settings.repository, self._live.versions)
        self._live.begin(self.repository.live)
        readiness.check_backends(self.repository, self._backends.available)
        parallelism, place = plan.for_this_machine(self.settings), Path(self._place.name)
        shown = view.make(self.repository, parallelism, place, live=self._live.now)
        self._process = process.TritonProcess(
            process.command(self._triton, self._backends, shown, self.settings, self.endpoints),
            environment={
                **process.environment(
                    self._backends, {model.backend for model in self.repository.models.values()}
                ),
                **self._access.environment(),
                queues.PAGE: self.metrics_url,
            },
            began=self._hide_key,
            place=Path(self._place.name),
            log=Log(self.settings.log_level, gpu=plan.has_gpu(), pass_on=self._pass_on_log),
        )
        self._wait_until_live(progress)
        reasons = readiness.reasons(self.control.index(), shown=shown.path, repository=self.repository)
        if reasons:
            raise NotReady(reasons)
        self._ready = True
        self._running.log.release()
        self._follower = Follower(
            control=self.control, view=shown, repository=self.repository.path, live=self._live, say=self._say
        )

    def _hide_key(self, pid: int) -> None:
        if not self._access.blot_out(pid):
            self._say(
                "The API key cannot be hidden from `ps` on this machine: other users of it can read it."
            )

    def _wait_until_live(self, progress: Callable[[frozenset[str]], None]) -> None:
        deadline = time.monotonic() + self.settings.timeout
        while not (self.control.live() and self.endpoints.has_metrics()):
            waiting = frozenset(self.repository.models) - self._running.log.loaded
            progress(waiting)
            if self._running.wait(0.05):
                raise self._running.death()
            if time.monotonic() > deadline:
                raise StartTimeout(seconds=self.settings.timeout, waiting_for=sorted(waiting))
            if self._stopping.is_set():
                raise Interrupted

    def _follow(self) -> None:
        """Notice rollouts, until the server is stopped; one that Triton is killed in is noticed by nobody and did not happen."""
        while not self._stopping.wait(EVERY_S):
            # Not while the view is made anew for another start.
            with self._drawing, suppress(Unreachable, Refused):
                if self._follower:
                    self._follower.look()

    def _supervise(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            born = time.monotonic()
            cause = self._watch()
            if cause is None:
                return
            failures = 0 if time.monotonic() - born > SETTLED else failures + 1
            failures = self._start_again(cause, failures)
            if self._failure:
                return

    def _watch(self) -> str | None:
        """Why the server must be started again; None if it is being stopped."""
        stubs = StubWatch(self.pid)
        try:
            while not self._stopping.is_set():
                if not self._running.running:
                    return str(self._running.death())
                dead = stubs.dead(0.2)
                # Tritonserver takes its stubs along when it dies, and kills those of a model that it unloads if they are slow.
                if dead and not self._is_leaving(dead) and not self._running.wait(0.1):
                    return f"The Python stub of {dead} died."
            return None
        finally:
            stubs.close()

    def _is_leaving(self, instance: str) -> bool:
        """Whether the model that an instance belongs to is not served any more, or a version of it is just going."""
        try:
            states = [s for s in self.control.index() if instance.startswith(f"{s.name}_")]
        except (Unreachable, Refused):
            return False
        model = max((state.name for state in states), key=len, default="")
        found = {state.state for state in states if state.name == model}
        return bool(found) and ("READY" not in found or "UNLOADING" in found)

    def _start_again(self, cause: str, failures: int) -> int:
        while not self._stopping.is_set():
            self._running.kill()
            if failures >= PATIENCE:
                self._failure = GaveUp(times=failures, reason=cause)
                self._over.set()
                break
            self._say(f"{cause} Starting again.")
            self._stopping.wait(_backoff(failures))
            began = time.monotonic()
            try:
                self._launch()
            except ServingError as error:
                failures, cause = failures + 1, str(error)
            else:
                self.restarts += 1
                self._say(f"Ready again after {time.monotonic() - began:.1f} s.")
                break
        return failures


def _backoff(failures: int) -> float:
    """Seconds to wait before the next start: none after a first death, then 1, 2, 4 and so on."""
    return float(2 ** (failures - 1)) if failures else 0.0


@contextmanager
def running_server(repository: Path | str, **options: Any) -> Iterator[Server]:
    """A server of `repository` on free ports while the block runs; `options` are ServeSettings' other fields.

    Example:
        with running_server("model_repository") as server:
            client = tritonclient.grpc.InferenceServerClient(server.grpc_url)
    """
    free = {"http_port": 0, "grpc_port": 0, "metrics_port": 0}
    server = Server(ServeSettings(repository=Path(repository), **(free | options)))
    try:
        server.start()
        yield server
    finally:
        server.stop()
