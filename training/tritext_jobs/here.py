"""Doing a job in the process that submits it: no worker, no broker, no server; the same claims and processes. Knows no Celery."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tritext_jobs.errors import DatabaseUnreachable
from tritext_jobs.settings import Settings
from tritext_jobs.store import Store
from tritext_jobs.supervisor import Supervisor, tidy
from tritext_jobs.tables import QUEUED, RUNNING, UNFINISHED, Job

LOOK_SECONDS = 0.1


def do_here(
    settings: Settings, store: Store, job_id: str, *, concurrency: int, seen: Callable[[Job, list[Job]], None]
) -> Job:
    """Do a job and all its parts, and return when it is finished; `seen` is shown how far they are.

    Other workers of the same queue may take parts of it. On Ctrl+C what runs goes back into the queue.
    """
    supervisor = Supervisor(settings, store)
    threads: dict[str, threading.Thread] = {}
    try:
        while (job := store.find(job_id)).state in UNFINISHED:
            family = [job, *store.parts(job_id)]
            seen(job, family[1:])
            threads = {each: thread for each, thread in threads.items() if thread.is_alive()}
            open_ = [each.id for each in family if each.state in (QUEUED, RUNNING) and each.id not in threads]
            for each in open_[: concurrency - len(threads)]:
                threads[each] = threading.Thread(target=_run, args=(supervisor, each), daemon=True)
                threads[each].start()
            store.recover()
            time.sleep(LOOK_SECONDS)
        seen(job, store.parts(job_id))
    finally:
        supervisor.stopping.set()
        for thread in threads.values():
            thread.join()
        tidy(settings, store)
    return job


def _run(supervisor: Supervisor, job_id: str) -> None:
    with suppress(DatabaseUnreachable):  # whoever waits for the job sees it, too
        supervisor.run(job_id)
