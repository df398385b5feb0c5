"""The jobs as a whole: what may be asked of them and done to them, each in one transaction. Knows no broker and no process."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tritext_jobs import claims, reports, wholes
from tritext_jobs.claims import Claim, now
from tritext_jobs.database import clock, opened, translated
from tritext_jobs.errors import AmbiguousId, DatabaseUnreachable, NoSuchJob
from tritext_jobs.settings import Settings
from tritext_jobs.tables import CANCELLED, FAILED, QUEUED, SUCCEEDED, UNFINISHED, WAITING, Job
from tritext_jobs.wholes import Wanted

SETTLED = {"output", "repository", "version", "name", "checkpoint", "parts_folder"}
"""Arguments that a job settles where they were left open."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a job's work.

    Attributes:
        result: For people and programs.
        reports: As `tritext_jobs.reports` takes them.
        parts: Jobs to do first; then the same job is done again, and sees their results.
    """

    result: dict[str, Any] = field(default_factory=dict)
    reports: Mapping[str, Any] = field(default_factory=dict)
    parts: Sequence[Wanted] = ()


class Store:
    """The database of one queue."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine: Engine = opened(settings)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose changes all happen, or none.

        Raises:
            DatabaseUnreachable: The database has gone away.
        """
        with (
            translated(self.settings.database),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    # ---- asking

    def find(self, given: str) -> Job:
        """The job with this id, or with the only id that begins so.

        Raises:
            NoSuchJob: There is none.
            AmbiguousId: There are several.
        """
        with self.transaction() as session:
            if job := session.get(Job, given):
                return job
            begins = Job.id.startswith(given, autoescape=True)
            found = session.scalars(select(Job).where(begins).order_by(Job.id)).all() if given else []
        if not found:
            raise NoSuchJob(given=given, database=self.settings.shown_database)
        if len(found) > 1:
            raise AmbiguousId(given=given, ids=[job.id for job in found])
        return found[0]

    def newest(self, most: int, *, parts: bool) -> list[Job]:
        """The last jobs, the newest first; parts of others only if asked for."""
        wanted = select(Job).order_by(Job.created.desc(), Job.part.desc()).limit(most)
        with self.transaction() as session:
            return list(session.scalars(wanted if parts else wanted.where(Job.parent_id.is_(None))))

    def parts(self, job_id: str) -> list[Job]:
        """The parts of a job, in order."""
        with self.transaction() as session:
            return list(session.scalars(select(Job).where(Job.parent_id == job_id).order_by(Job.part)))

    def unfinished_like(self, kind: str, arguments: Mapping[str, Any]) -> Job | None:
        """A job of its own that was asked for in the same words, and is not finished."""
        like = select(Job).where(Job.kind == kind, Job.state.in_(UNFINISHED), Job.parent_id.is_(None))
        with self.transaction() as session:
            jobs = session.scalars(like.order_by(Job.created)).all()
        return next((job for job in jobs if _covers(job.arguments, arguments)), None)

    def knows(self, job_id: str) -> bool:
        with self.transaction() as session:
            return session.get(Job, job_id) is not None

    def is_over(self, job_id: str) -> bool:
        """Whether there was such a job, and neither it nor a part of it will do anything more."""
        with self.transaction() as session:
            known = session.get(Job, job_id) is not None
            family = [job_id, *wholes.below(session, job_id)]
            going = select(Job.id).where(Job.id.in_(family), Job.state.in_(UNFINISHED))
            return known and session.scalars(going.limit(1)).first() is None

    # ---- queueing

    def add(self, wanted: Wanted, *, problem: str = "") -> bool:
        """Keep a new job of which workers are being told, or that failed before it began; whether its id was new."""
        values: dict[str, Any] = {"rung": clock()}
        if problem:
            values = {"state": FAILED, "message": problem, "finished": now()}
        try:
            with self.transaction() as session:
                session.add(wholes.row(wanted, **values))
        except DatabaseUnreachable as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    def forget(self, job_id: str) -> None:
        """Take back a job that no worker has seen."""
        with self.transaction() as session:
            job = session.get(Job, job_id)
            if job is not None and job.state == QUEUED and not job.attempts:
                session.delete(job)

    # ---- working

    def take(self, job_id: str, *, worker: str) -> Claim | None:
        with self.transaction() as session:
            return claims.claim(session, job_id, worker=worker, stale_after=self.settings.stale_after)

    def beat(self, held: Claim, *, progress: float, message: str) -> bool | None:
        with self.transaction() as session:
            return claims.beat(session, held, progress=progress, message=message)

    def pin(self, held: Claim, arguments: Mapping[str, Any]) -> bool:
        with self.transaction() as session:
            return claims.pin(session, held, {**held.arguments, **arguments})

    def put_back(self, held: Claim, *, counts: bool, message: str) -> bool:
        with self.transaction() as session:
            return claims.put_back(session, held, counts=counts, message=message)

    def succeed(self, held: Claim, done: Done) -> bool:
        """Keep what came of a job, and whatever follows from it. Whether the claim held: else nothing happened."""
        with self.transaction() as session:
            wholes.lock(session, held.parent_id)
            if done.parts:
                return wholes.wait(session, held, done.parts)
            ended = claims.end(session, held, state=SUCCEEDED, progress=1.0, message="", result=done.result)
            if ended:
                reports.keep(session, held.id, done.reports)
                wholes.wake(session, held.parent_id)
            return ended

    def fail(self, held: Claim, message: str) -> bool:
        """Finish a job that cannot be done, and those that it is a part of."""
        with self.transaction() as session:
            wholes.lock(session, held.parent_id)
            ended = claims.end(session, held, state=FAILED, message=message)
            if ended:
                wholes.give_up(session, held.parent_id, f"{held.kind} {held.id[:8]}: {message}", FAILED)
            return ended

    def stopped(self, held: Claim) -> bool:
        """Finish a job that was to be cancelled."""
        with self.transaction() as session:
            wholes.lock(session, held.parent_id)
            ended = claims.end(session, held, state=CANCELLED, message="Cancelled.")
            if ended:
                wholes.give_up(
                    session, held.parent_id, f"{held.kind} {held.id[:8]} was cancelled.", CANCELLED
                )
            return ended

    def cancel(self, job: Job) -> list[str]:
        """Cancel a job with its parts; the ids of those that nobody was working on."""
        with self.transaction() as session:
            wholes.lock(session, job.parent_id)
            wholes.lock(session, job.id)
            at_once = claims.cancelled(session, [job.id, *wholes.below(session, job.id)])
            if job.id in at_once:
                wholes.give_up(session, job.parent_id, f"{job.kind} {job.id[:8]} was cancelled.", CANCELLED)
            return at_once

    def recover(self) -> list[Job]:
        """Finish what dead workers will not, and wake what slept through the end of its parts; the jobs finished."""
        with self.transaction() as session:
            found = claims.given_up(session, stale_after=self.settings.stale_after)
            for job in found:
                claims.cancelled(session, wholes.below(session, job.id))
                wholes.give_up(session, job.parent_id, f"{job.kind} {job.id[:8]}: {job.message}", job.state)
            for job_id in session.scalars(select(Job.id).where(Job.state == WAITING)).all():
                wholes.wake(session, job_id)
            return found

    def untold(self) -> list[Wanted]:
        """The queued jobs that no worker was told of. They count as told from now on."""
        return self._told(and_(Job.state == QUEUED, Job.rung.is_(None)), most=1000)

    def unheard(self, most: int) -> list[Wanted]:
        """Jobs whose message may be lost: told long ago and still queued, or their worker is dead."""
        after = self.settings.stale_after
        return self._told(
            and_(or_(Job.state == QUEUED, claims.stale(after)), Job.rung < clock() - after), most=most
        )

    def _told(self, which: Any, *, most: int) -> list[Wanted]:
        oldest = select(Job.id).where(which).order_by(Job.created, Job.part).limit(most)
        with self.transaction() as session:
            chosen = session.scalars(oldest.with_for_update(skip_locked=True)).all()
            ringing = update(Job).where(Job.id.in_(chosen)).values(rung=clock()).returning(Job)
            jobs = sorted(session.scalars(ringing), key=lambda job: (job.created, job.part))
            return [Wanted(id=job.id, kind=job.kind, arguments=job.arguments) for job in jobs]


def _covers(kept: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether what a job settles for itself is all that differs."""
    return (
        all(kept.get(name) == value for name, value in given.items())
        and kept.keys() - given.keys() <= SETTLED
    )
