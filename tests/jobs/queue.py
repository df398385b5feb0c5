"""A queue as its users have it: a folder, two addresses, commands and workers as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tritext_jobs.settings import Settings
from tritext_jobs.store import Store

TRITEXT = [sys.executable, "-c", "from tritext.cli import main; main()"]
STALE_AFTER = 2


class Queue:
    """Commands run in its folder, with its addresses."""

    def __init__(self, folder: Path, *, database: str = "", broker: str = "") -> None:
        self.folder = folder
        addresses = {"TRITEXT_DATABASE_URL": database, "TRITEXT_BROKER_URL": broker}
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("TRITEXT", "MLFLOW"))
            },
            **{name: value for name, value in addresses.items() if value},
            "TRITEXT_STALE_AFTER": str(STALE_AFTER),
            "COLUMNS": "300",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        self._store: Store | None = None

    def __call__(self, *words: str, status: int = 0, **environment: str) -> str:
        """What a command prints; `errors` has the rest."""
        run = subprocess.run(
            [*TRITEXT, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**self.environment, **environment},
        )
        self.errors = run.stderr
        assert "Traceback" not in run.stderr, run.stderr
        assert run.returncode == status, run.stderr
        return run.stdout

    def submit(self, kind: str, **arguments: Any) -> str:
        """The new job's id."""
        return self("submit", kind, *words(arguments)).strip()

    @contextmanager
    def worker(self, concurrency: int = 1) -> Iterator["subprocess.Popen[bytes]"]:
        """A worker; what the block leaves of it is stopped."""
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [*TRITEXT, "worker", "--concurrency", str(concurrency)],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def store(self) -> Store:
        if self._store is None:
            addresses = {
                name: value for name, value in self.environment.items() if name.startswith("TRITEXT")
            }
            folder = self.folder / "jobs"
            self._store = Store(
                Settings.of({"TRITEXT_DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}", **addresses})
            )
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.engine.dispose()

    def shown(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("jobs", "show", job_id, "--json"))
        return found

    def rows(self, statement: str) -> list[Any]:
        with self.store.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def until(self, job_id: str, what: Callable[[], Any]) -> Any:
        """What it returns, once that is true; unless the job fails before."""

        def found() -> Any:
            job = self.store.find(job_id)
            assert job.state not in {"failed", "cancelled"}, job.message
            return what()

        return until(found)

    def parts(self, job_id: str) -> dict[str, Any]:
        """The job's parts by kind."""
        return {part.kind: part for part in self.store.parts(job_id)}


def words(arguments: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in arguments.items()]


def until(what: Callable[[], Any], *, seconds: float = 120.0) -> Any:
    """What it returns, once that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def killed(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
