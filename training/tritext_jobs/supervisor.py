"""A worker's care for one job: claim it, run its process, keep the claim alive, and settle what came of it.

Knows neither Celery nor what a job does.
"""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from tritext_jobs.claims import MOST_ATTEMPTS, Claim, died
from tritext_jobs.errors import DatabaseUnreachable
from tritext_jobs.process import JobProcess
from tritext_jobs.settings import Settings
from tritext_jobs.store import Done, Store
from tritext_jobs.wholes import Wanted

T = TypeVar("T")

LONGEST_BEAT = 1.0
"""Seconds between two signs of life; also how long a wish to cancel may go unnoticed."""

BUSY_EXTRA = 5.0
"""A process waits so much longer than a dead worker's takes to end, for what that one still holds."""

DATABASE_PATIENCE = 600.0


class Ended(Enum):
    """How a worker's care for a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HAS_PARTS = "has parts"
    PUT_BACK = "put back"
    LOST = "lost"
    NOTHING = "nothing to do"


class Supervisor:
    """Runs jobs, any number of them in threads of their own.

    Attributes:
        stopping: Set, it lets all jobs end soon and puts them back.
        told: Is called with a job's id, progress and message whenever these are new.
    """

    def __init__(
        self, settings: Settings, store: Store, told: Callable[[str, float, str], None] = lambda *_: None
    ) -> None:
        self.stopping = threading.Event()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._settings, self._store, self._told = settings, store, told
        self._busy = 0
        self._counting = threading.Lock()
        self._beat_seconds = min(LONGEST_BEAT, settings.stale_after / 5)

    @property
    def busy(self) -> int:
        """How many jobs run."""
        return self._busy

    def run(self, job_id: str) -> Ended:
        """Do the job, if nobody else does."""
        self._count(1)
        try:
            return self._run(job_id)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self._busy += more

    def _run(self, job_id: str) -> Ended:
        held = None if self.stopping.is_set() else self._store.take(job_id, worker=self.name)
        if held is None:
            return Ended.NOTHING
        if held.attempt > MOST_ATTEMPTS:
            return self._settle(
                Ended.FAILED, lambda: self._store.fail(held, died(MOST_ATTEMPTS, "the worker"))
            )
        order = self._order(held)
        try:
            process = JobProcess(order, log=self._settings.log(held.id))
        except OSError as error:
            message = f"Its process cannot be started here: {(error.strerror or str(error)).lower()}."
            return self._settle(Ended.FAILED, lambda: self._store.fail(held, message))
        try:
            return self._attended(held, process)
        finally:
            process.kill()

    def _order(self, held: Claim) -> dict[str, Any]:
        parts = [
            {"kind": part.kind, "arguments": part.arguments, "result": part.result}
            for part in self._store.parts(held.id)
        ]
        return {
            "id": held.id,
            "kind": held.kind,
            "arguments": held.arguments,
            "attempt": held.attempt,
            "started": held.started.isoformat(),
            "parts": parts,
            "folder": str(self._settings.folder),
            "patience": self._settings.stale_after + BUSY_EXTRA,
        }

    def _attended(self, held: Claim, process: JobProcess) -> Ended:
        shown = (0.0, "started")
        self._told(held.id, *shown)
        while not process.ended(self._beat_seconds):
            if self.stopping.is_set():
                process.stop()
                return self._put_back(held, counts=False, message="its worker was stopped")
            wish = self._beat(held, process)
            if wish is None:
                process.kill()
                return Ended.LOST
            if wish:
                process.stop()
                return self._settle(Ended.CANCELLED, lambda: self._store.stopped(held))
            if shown != (process.progress, process.message):
                shown = (process.progress, process.message)
                self._told(held.id, *shown)
            if process.pin is not None:
                pinned = process.pin
                if not self._insisted(lambda: self._store.pin(held, pinned)):  # noqa: B023 - called at once
                    return Ended.LOST
                process.pinned()
        return self._concluded(held, process)

    def _beat(self, held: Claim, process: JobProcess) -> bool | None:
        try:
            return self._store.beat(held, progress=process.progress, message=process.message)
        except DatabaseUnreachable:
            return False  # it may come back; if others think us dead by then, the next beat says so

    def _concluded(self, held: Claim, process: JobProcess) -> Ended:
        reply = process.reply
        if reply is None:
            return self._crashed(held, process.status)
        if "error" in reply:
            return self._settle(Ended.FAILED, lambda: self._store.fail(held, reply["error"]))
        done = Done(
            result=reply["result"],
            reports=reply["reports"],
            parts=[Wanted(**part) for part in reply["parts"]],
        )
        ended = Ended.HAS_PARTS if done.parts else Ended.SUCCEEDED
        return self._settle(ended, lambda: self._store.succeed(held, done))

    def _crashed(self, held: Claim, status: int) -> Ended:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if held.attempt >= MOST_ATTEMPTS:
            message = died(held.attempt, f"its process (the last time by {how})")
            return self._settle(Ended.FAILED, lambda: self._store.fail(held, message))
        return self._put_back(held, counts=True, message=f"its process died ({how}); it is tried again")

    def _put_back(self, held: Claim, *, counts: bool, message: str) -> Ended:
        return self._settle(
            Ended.PUT_BACK, lambda: self._store.put_back(held, counts=counts, message=message)
        )

    def _settle(self, ended: Ended, change: Callable[[], bool]) -> Ended:
        return ended if self._insisted(change) else Ended.LOST

    def _insisted(self, change: Callable[[], T]) -> T:
        """Make the change, even if the database is away for a while."""
        until = time.monotonic() + DATABASE_PATIENCE
        while True:
            try:
                return change()
            except DatabaseUnreachable:  # noqa: PERF203 - tried again is what it is for
                if self.stopping.is_set() or time.monotonic() > until:
                    raise
                time.sleep(LONGEST_BEAT)


def tidy(settings: Settings, store: Store) -> None:
    """Remove what finished jobs have left in the jobs' folder."""
    for path in _leftovers(settings.folder):
        if store.is_over(path.name.removeprefix(".").removesuffix(".training")):
            shutil.rmtree(path, ignore_errors=True)


def _leftovers(folder: Path) -> list[Path]:
    return [*folder.glob("parts/*"), *folder.glob("views/*"), *folder.glob("checkpoints/.*.training")]
