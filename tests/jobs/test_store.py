"""Laws of the jobs' table, on SQLite and on PostgreSQL: one worker at a time, nothing lost, nothing done twice."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from tritext_jobs.claims import Claim
from tritext_jobs.database import opened, revision
from tritext_jobs.errors import AmbiguousId, DatabaseNewer, NoSuchJob
from tritext_jobs.settings import Settings
from tritext_jobs.store import Done, Store
from tritext_jobs.tables import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, WAITING, Job
from tritext_jobs.wholes import Wanted


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    database = url.replace("postgresql:", "postgresql+psycopg:") or f"sqlite:///{tmp_path / 'jobs.db'}"
    store = Store(Settings(database=database, broker="filesystem://", folder=tmp_path, stale_after=15))
    yield store
    store.engine.dispose()


def added(store: Store, kind: str = "train", job_id: str = "", **arguments: Any) -> str:
    job = Wanted(id=job_id or str(uuid.uuid4()), kind=kind, arguments=arguments)
    store.add(job)
    return job.id


def taken(store: Store, job_id: str, worker: str = "one") -> Claim:
    held = store.take(job_id, worker=worker)
    assert held is not None
    return held


def dies(store: Store, job_id: str) -> None:
    """Let a job's last sign of life be long ago."""
    with store.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(heartbeat=1.0, rung=1.0))


def split(store: Store, parts: int) -> tuple[str, list[Claim]]:
    """A waiting job, and the claims on its parts."""
    whole = added(store, "predict")
    wanted = [Wanted(id=str(uuid.uuid4()), kind="predict", arguments={}) for _ in range(parts)]
    assert store.succeed(taken(store, whole), Done(parts=wanted))
    return whole, [taken(store, part.id) for part in wanted]


def test_a_job_is_taken_once_however_many_want_it_at_once(store: Store) -> None:
    job_id = added(store)
    claims: list[Claim | None] = []
    threads = [
        threading.Thread(target=lambda: claims.append(store.take(job_id, worker="any"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([claim for claim in claims if claim]) == 1


def test_a_dead_workers_job_is_taken_over_and_the_dead_one_can_change_nothing(store: Store) -> None:
    job_id = added(store)
    first = taken(store, job_id)
    assert store.take(job_id, worker="two") is None
    dies(store, job_id)
    second = taken(store, job_id, "two")

    assert second.attempt == 2
    assert store.beat(first, progress=1, message="") is None
    assert not store.succeed(first, Done(result={"by": "one"}))
    assert not store.fail(first, "no")
    assert store.succeed(second, Done(result={"by": "two"}))
    assert store.find(job_id).result == {"by": "two"}


def test_a_job_whose_worker_died_three_times_fails_with_that_sentence(store: Store) -> None:
    job_id = added(store)
    for _ in range(3):
        assert store.find(job_id).state in {QUEUED, RUNNING}
        taken(store, job_id)
        dies(store, job_id)
        store.recover()

    assert store.find(job_id).state == FAILED
    assert "the worker died 3 times" in store.find(job_id).message


def test_a_worker_that_is_stopped_costs_a_job_no_attempt(store: Store) -> None:
    job_id = added(store)
    assert store.put_back(taken(store, job_id), counts=False, message="stopped")

    assert taken(store, job_id).attempt == 1


def test_lost_messages_are_told_again_and_others_not(store: Store) -> None:
    with store.transaction() as session:
        session.execute(update(Job).values(state=CANCELLED))
    told, lost, dead, running = (added(store) for _ in range(4))
    taken(store, running)
    taken(store, dead)
    dies(store, lost)
    dies(store, dead)

    assert {job.id for job in store.unheard(10)} == {lost, dead}
    assert not store.unheard(10)
    assert store.find(told).state == QUEUED


def test_a_whole_is_queued_again_when_the_last_of_its_parts_is_done(store: Store) -> None:
    whole, (first, second) = split(store, 2)
    assert store.find(whole).state == WAITING
    assert store.take(whole, worker="one") is None

    store.succeed(first, Done())
    assert store.find(whole).state == WAITING
    store.succeed(second, Done())

    assert store.find(whole).state == QUEUED
    assert whole in {job.id for job in store.untold()}
    assert taken(store, whole).attempt == 1


def test_parts_that_end_at_the_same_moment_wake_their_whole_once(store: Store) -> None:
    whole, claims = split(store, 8)
    threads = [threading.Thread(target=store.succeed, args=(claim, Done())) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.find(whole).state == QUEUED
    assert all(part.state == SUCCEEDED for part in store.parts(whole))


def test_a_part_that_fails_ends_the_whole_and_its_other_parts(store: Store) -> None:
    whole, (first, second) = split(store, 2)
    store.put_back(second, counts=False, message="")
    store.fail(first, "No such file.")

    assert (store.find(whole).state, store.find(second.id).state) == (FAILED, CANCELLED)
    assert "No such file." in store.find(whole).message


def test_cancelling_ends_what_is_queued_at_once_and_asks_the_worker_of_what_runs(store: Store) -> None:
    whole, (first, second) = split(store, 2)
    store.put_back(second, counts=False, message="")
    store.cancel(store.find(whole))

    assert [store.find(each).state for each in (whole, first.id, second.id)] == [
        CANCELLED,
        RUNNING,
        CANCELLED,
    ]
    assert store.beat(first, progress=0.5, message="") is True
    assert store.stopped(first)
    assert store.is_over(whole)


def test_what_a_dead_worker_should_have_cancelled_is_cancelled(store: Store) -> None:
    job_id = added(store)
    taken(store, job_id)
    store.cancel(store.find(job_id))
    dies(store, job_id)

    assert store.take(job_id, worker="two") is None
    store.recover()
    assert store.find(job_id).state == CANCELLED


def test_ids_may_be_shortened_while_they_mean_one_job(store: Store) -> None:
    mine, other = f"{uuid.uuid4()}x", f"{uuid.uuid4()}"
    added(store, job_id=f"same-{mine}")
    added(store, job_id=f"same-{other}")

    assert store.find(f"same-{mine[:30]}").id == f"same-{mine}"
    with pytest.raises(AmbiguousId, match="beginning of"):
        store.find("same-")
    for unknown in ("nonsense", "", "%", "same_"):
        with pytest.raises(NoSuchJob):
            store.find(unknown)
    store.forget(f"same-{mine}")
    store.forget(f"same-{other}")


def test_many_processes_may_make_the_tables_at_once(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'jobs.db'}", broker="filesystem://", folder=tmp_path)
    threads = [threading.Thread(target=lambda: opened(settings).dispose()) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    engine = opened(settings)
    assert revision(engine) == "0001"
    engine.dispose()


def test_tables_of_a_newer_tritext_are_left_alone(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'jobs.db'}", broker="filesystem://", folder=tmp_path)
    engine = opened(settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE tritext_jobs_revision SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(DatabaseNewer, match="9999"):
        opened(settings)


def test_the_tables_are_those_of_the_migrations(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from tritext_jobs.tables import Base

    ours = set(Base.metadata.tables)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": "tritext_jobs_revision",
                "include_name": lambda name, kind, _: kind != "table" or name in ours,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_a_wish_to_cancel_that_meets_a_worker_who_stops_is_not_forgotten(store: Store) -> None:
    job_id = added(store)
    held = taken(store, job_id)
    store.cancel(store.find(job_id))
    store.put_back(held, counts=False, message="stopped")
    store.recover()

    assert store.find(job_id).state == CANCELLED


def test_parts_made_while_their_whole_is_cancelled_are_cancelled(store: Store) -> None:
    whole = added(store, "predict")
    held = taken(store, whole)
    store.cancel(store.find(whole))
    store.succeed(held, Done(parts=[Wanted(id=str(uuid.uuid4()), kind="predict", arguments={})]))
    store.recover()

    assert [store.find(whole).state, *(part.state for part in store.parts(whole))] == [CANCELLED, CANCELLED]
