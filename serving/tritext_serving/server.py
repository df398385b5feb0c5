"""A Triton that serves a repository: started, loaded, watched, stopped. The story; each chapter has its own module."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tritext_serving import backend_folder, plan, ports, process, repository, triton
from tritext_serving.control import Control
from tritext_serving.cores import usable_cores
from tritext_serving.errors import NotReady, Refused, ServingError, StartTimeout
from tritext_serving.settings import ServeSettings

LOADERS = 4
"""Models loaded at once; Triton's own number of threads for it."""


def _silent(_: str) -> None:
    pass


class Server:
    """A supervised Triton. `start` returns when every model is ready, `stop` when nothing is left of it."""

    def __init__(
        self, settings: ServeSettings, *, say: Callable[[str], None] = _silent, log: Callable[[str], None] = _silent
    ) -> None:
        self.settings = settings
        self._say = say
        self._log = log
        self._place = tempfile.TemporaryDirectory(prefix="tritext-")
        self._triton = triton.find(settings.tritonserver)
        self.repository = repository.read(settings.repository)
        self._folder = backend_folder.assemble(self._triton, Path(self._place.name))
        self.endpoints = ports.choose(settings)
        self.control = Control(url=self.endpoints.http_url)
        self._process: process.TritonProcess | None = None

    @property
    def http_url(self) -> str:
        return self.endpoints.http_url

    @property
    def grpc_url(self) -> str:
        return self.endpoints.grpc_url

    @property
    def metrics_url(self) -> str:
        return self.endpoints.metrics_url

    @property
    def pid(self) -> int:
        """Of tritonserver itself; another one after a restart."""
        assert self._process is not None  # noqa: S101 - only a started server has one
        return self._process.pid

    def start(self) -> None:
        deadline = time.monotonic() + self.settings.timeout
        self._process = self._launch()
        self._wait_until_live(deadline)
        self._load_all(deadline)

    def stop(self) -> None:
        if self._process:
            self._process.stop()
        self._place.cleanup()

    def _launch(self) -> process.TritonProcess:
        return process.TritonProcess(
            process.command(self._triton, self._folder, self.settings, self.endpoints),
            environment=process.environment(self._folder),
            exit_timeout=self.settings.exit_timeout,
            say=self._log,
        )

    def _wait_until_live(self, deadline: float) -> None:
        while not self.control.live():
            if self._process.wait(0.05):
                raise self._process.death()
            if time.monotonic() > deadline:
                raise StartTimeout(seconds=self.settings.timeout, waiting_for=["tritonserver"])

    def _load_all(self, deadline: float) -> None:
        parallelism = plan.for_machine(
            instances=self.settings.instances,
            threads=self.settings.threads,
            cores=usable_cores(),
            gpu=plan.has_gpu(),
        )
        configs = plan.configs(self.repository, parallelism)
        steps = {name: config for name, config in configs.items() if not self.repository.models[name].steps}
        ensembles = {name: config for name, config in configs.items() if name not in steps}
        for group in (steps, ensembles):
            self._load(group, deadline)

    def _load(self, configs: Mapping[str, str], deadline: float) -> None:
        failed: dict[str, str] = {}

        def load(name: str) -> None:
            try:
                self.control.load(name, configs[name], timeout=max(1, deadline - time.monotonic()))
            except Refused as error:
                failed[name] = error.message
        with ThreadPoolExecutor(LOADERS) as pool:
            list(pool.map(load, configs))
        if failed:
            raise NotReady(failed)


@contextmanager
def running_server(repository: Path | str, **options: Any) -> Iterator[Server]:
    settings = ServeSettings(repository=Path(repository), http_port=0, grpc_port=0, metrics_port=0)
    server = Server(replace(settings, **options))
    try:
        server.start()
        yield server
    finally:
        server.stop()
