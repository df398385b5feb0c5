"""Jobs whose parts are jobs: they wait, are woken by the last part that is done, and end with any part that is not.

Every function is a piece of somebody else's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from tritext_jobs import claims
from tritext_jobs.claims import Claim, now
from tritext_jobs.tables import QUEUED, RUNNING, UNFINISHED, WAITING, Job


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A job to queue."""

    id: str
    kind: str
    arguments: Mapping[str, Any]


def row(wanted: Wanted, **values: Any) -> Job:
    """The new job."""
    own = {"id": wanted.id, "kind": wanted.kind, "arguments": dict(wanted.arguments), "created": now()}
    return Job(**{"state": QUEUED, **own, **values})


def lock(session: Session, job_id: str | None) -> None:
    """One part's end at a time, so that the last one knows that it is the last."""
    if job_id is not None:
        session.execute(select(Job.id).where(Job.id == job_id).with_for_update())


def below(session: Session, job_id: str) -> list[str]:
    """The ids of its parts, and of theirs."""
    found: list[str] = []
    level = [job_id]
    while level:
        level = list(session.scalars(select(Job.id).where(Job.parent_id.in_(level))))
        found += level
    return found


def wait(session: Session, held: Claim, parts: Sequence[Wanted]) -> bool:
    """Let a job wait for its parts, which are queued. Whether the claim held."""
    waiting: dict[str, Any] = {"state": WAITING, "claim": "", "worker": "", "attempts": 0}
    mine = update(Job).where(Job.id == held.id, Job.state == RUNNING, Job.claim == held.token)
    if session.scalars(mine.values(**waiting).returning(Job.id)).one_or_none() is None:
        return False
    earlier = len(session.scalars(select(Job.id).where(Job.parent_id == held.id)).all())
    session.add_all(
        row(part, parent_id=held.id, part=earlier + number) for number, part in enumerate(parts, 1)
    )
    return True


def wake(session: Session, job_id: str | None) -> None:
    """Queue a waiting job whose parts are all done."""
    if job_id is None:
        return
    part = aliased(Job)
    missing = exists().where(part.parent_id == job_id, part.state.in_(UNFINISHED))
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == WAITING, ~missing)
        .values(state=QUEUED, rung=None, message="its parts are done")
    )


def give_up(session: Session, job_id: str | None, message: str, state: str) -> None:
    """End a waiting job of which a part cannot be done, with its other parts, and what it is a part of itself."""
    job = session.get(Job, job_id, populate_existing=True) if job_id else None
    if job is None or job.state != WAITING:
        return
    claims.cancelled(session, below(session, job.id))
    job.state, job.message, job.finished = state, message, now()
    session.flush()
    give_up(session, job.parent_id, message, state)
