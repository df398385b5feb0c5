"""Waiting for a job that others do, and what its end means for whoever waited. Changes nothing."""

import time
from collections.abc import Callable

from tritext_jobs.errors import JobCancelled, JobFailed, NotDoneInTime
from tritext_jobs.store import Store
from tritext_jobs.tables import CANCELLED, FAILED, UNFINISHED, Job

LOOK_SECONDS = 0.5


def waited(
    store: Store, job_id: str, *, seconds: float | None, seen: Callable[[Job, list[Job]], None]
) -> Job:
    """The job, once it is finished; `seen` is shown how far it and its parts are meanwhile.

    Raises:
        NotDoneInTime: It took longer than so many seconds.
    """
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        job = store.find(job_id)
        seen(job, store.parts(job_id))
        if job.state not in UNFINISHED:
            return job
        if until is not None and time.monotonic() > until:
            raise NotDoneInTime(kind=job.kind, job_id=job.id, seconds=seconds or 0.0, state=job.state)
        time.sleep(LOOK_SECONDS)


def require_success(job: Job) -> None:
    """Raise JobFailed or JobCancelled, if that is how it ended."""
    if job.state == FAILED:
        raise JobFailed(kind=job.kind, job_id=job.id, message=job.message)
    if job.state == CANCELLED:
        raise JobCancelled(kind=job.kind, job_id=job.id)
