"""Who works on a job: claimed by one worker at a time, kept by a heartbeat, given up, finished. One statement each.

Every change that a worker makes carries its claim's token, so that one which was thought dead cannot change anything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlalchemy.orm import Session

from tritext_jobs.database import clock
from tritext_jobs.tables import CANCELLED, FAILED, QUEUED, RUNNING, UNFINISHED, WAITING, Job

MOST_ATTEMPTS = 3
"""Workers that a job may take with it before it is given up."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One worker's right to work on a job; `attempt` counts from 1."""

    id: str
    token: str
    kind: str
    arguments: dict[str, Any]
    attempt: int
    started: datetime
    parent_id: str | None = None


def now() -> datetime:
    return datetime.now(timezone.utc)


def stale(after: float) -> ColumnElement[bool]:
    """Running, but nobody has been heard of for so many seconds."""
    return and_(Job.state == RUNNING, Job.heartbeat < clock() - after)


def claim(session: Session, job_id: str, *, worker: str, stale_after: float) -> Claim | None:
    """Take a job that waits for a worker, or whose worker is dead; None if there is nothing to take."""
    token = uuid.uuid4().hex
    wanted = update(Job).where(
        Job.id == job_id, Job.cancel.is_(False), or_(Job.state == QUEUED, stale(stale_after))
    )
    taken = wanted.values(
        state=RUNNING,
        claim=token,
        worker=worker,
        heartbeat=clock(),
        attempts=Job.attempts + 1,
        started=func.coalesce(Job.started, now()),
    ).returning(Job)
    job = session.scalars(taken, execution_options={"populate_existing": True}).one_or_none()
    if job is None:
        return None
    return Claim(
        id=job.id,
        token=token,
        kind=job.kind,
        arguments=job.arguments,
        attempt=job.attempts,
        started=_aware(job.started or now()),
        parent_id=job.parent_id,
    )


def beat(session: Session, held: Claim, *, progress: float, message: str) -> bool | None:
    """Say that the work goes on. Whether it is to be cancelled; None if the claim is lost."""
    values = {"heartbeat": clock(), "progress": progress, "message": message}
    return session.scalars(_mine(held).values(**values).returning(Job.cancel)).one_or_none()


def pin(session: Session, held: Claim, arguments: dict[str, Any]) -> bool:
    """Settle arguments that were open, so that another worker goes on with the same. Whether the claim holds."""
    return bool(session.scalars(_mine(held).values(arguments=arguments).returning(Job.id)).one_or_none())


def put_back(session: Session, held: Claim, *, counts: bool, message: str) -> bool:
    """Queue the job again; `counts` says whether it was its own fault. Whether the claim held."""
    values: dict[str, Any] = {"state": QUEUED, "claim": "", "rung": None, "message": message}
    if not counts:
        values["attempts"] = Job.attempts - 1
    return bool(session.scalars(_mine(held).values(**values).returning(Job.id)).one_or_none())


def end(session: Session, held: Claim, *, state: str, **values: Any) -> bool:
    """The job's last change. Whether the claim held."""
    values = {"state": state, "finished": now(), "claim": "", **values}
    return bool(session.scalars(_mine(held).values(**values).returning(Job.id)).one_or_none())


def cancelled(session: Session, job_ids: list[str]) -> list[str]:
    """Cancel what is not finished: at once where nobody works on it, else by its worker. The ids cancelled at once."""
    unfinished = update(Job).where(Job.id.in_(job_ids), Job.state.in_(UNFINISHED))
    session.execute(unfinished.values(cancel=True))
    idle = unfinished.where(Job.state != RUNNING).values(
        state=CANCELLED, finished=now(), message="Cancelled."
    )
    return list(session.scalars(idle.returning(Job.id)))


def given_up(session: Session, *, stale_after: float) -> list[Job]:
    """Finish the jobs of dead workers that have had enough of them, and whatever was to be cancelled and no worker has."""
    dead = update(Job).where(stale(stale_after)).execution_options(synchronize_session=False)
    tired = dead.where(Job.attempts >= MOST_ATTEMPTS, Job.cancel.is_(False)).values(
        state=FAILED, finished=now(), claim="", message=died(MOST_ATTEMPTS, "the worker")
    )
    unwanted = dead.where(Job.cancel.is_(True)).values(
        state=CANCELLED, finished=now(), claim="", message="Cancelled."
    )
    idle = update(Job).where(Job.state.in_((QUEUED, WAITING)), Job.cancel.is_(True))
    left = idle.execution_options(synchronize_session=False).values(
        state=CANCELLED, finished=now(), message="Cancelled."
    )
    found = [job for each in (tired, unwanted, left) for job in session.scalars(each.returning(Job))]
    for job in found:
        session.refresh(job)
    return found


def died(times: int, who: str) -> str:
    """Why a job is not tried again."""
    return f"Gave up: {who} died {times} times while it ran; memory may be short, or its log says more."


def _mine(held: Claim) -> Any:
    return update(Job).where(Job.id == held.id, Job.state == RUNNING, Job.claim == held.token)


def _aware(moment: datetime) -> datetime:
    """SQLite forgets that all times are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
