"""What every worker looks after every few seconds: dead workers' jobs, messages that were lost, and what is left lying about."""

import threading
from collections.abc import Callable
from contextlib import suppress

from tritext_jobs.bell import Bell
from tritext_jobs.errors import JobsError
from tritext_jobs.settings import Settings
from tritext_jobs.store import Store
from tritext_jobs.supervisor import tidy


class Rounds:
    """Rounds in a thread of their own; `free` says how many more jobs this worker could do."""

    def __init__(self, settings: Settings, store: Store, bell: Bell, *, free: Callable[[], int]) -> None:
        self._settings, self._store, self._bell, self._free = settings, store, bell, free
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            with suppress(JobsError):  # database or broker are away; there is a next round
                self._round()
            self._over.wait(self._settings.stale_after / 4)

    def _round(self) -> None:
        for job in self._store.recover():
            self._bell.show(job)
        self._bell.ring(self._store.untold())
        if (free := self._free()) > 0:
            self._bell.ring(self._store.unheard(free))
        tidy(self._settings, self._store)
