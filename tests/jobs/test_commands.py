"""Submitting, cancelling, stopping, and every mistake that can be made with them: one sentence each, nothing half-written."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery
from celery.exceptions import TimeoutError as NotInTime

from tests.jobs.conftest import Material
from tests.jobs.queue import Queue, until
from tests.jobs.servers import free_port
from tritext.errors import TritextError
from tritext_jobs.arguments import KINDS, OWN, checked, settled
from tritext_jobs.bell import Bell
from tritext_jobs.errors import (
    BadSetting,
    BrokerUnreachable,
    DatabaseUnreachable,
    GivenTwice,
    NotKeyValue,
    UnknownKind,
)
from tritext_jobs.explained import arguments
from tritext_jobs.settings import Settings
from tritext_jobs.store import Store
from tritext_jobs.submitting import submit, wanted
from tritext_jobs.submitting import words as parsed

SECONDS = 8
"""Within which an unreachable server must have become a sentence; connecting may take five."""


def settings(folder: Path, **environment: str) -> Settings:
    database = {"TRITEXT_DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}"}
    return Settings.of({**database, **environment})


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


# ---- arguments


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("train", [], "data is missing; base is missing"),
        ("train", ["data=x", "base=y", "epoch=3"], "epoch is none"),
        ("train", ["data=x", "base=y", "epochs=many"], "epochs is 'many'"),
        ("train", ["data=x", "base=y", "epochs=0"], "expected at least 1"),
        ("predict", ["name=m", "input=x", "output=y", "rows_per_part=0"], "rows_per_part is '0'"),
        ("predict", ["name=m", "input=x", "output=y", "options=[1]"], "options is [1]"),
        ("evaluate", ["name=m", "data=x", "version=newest"], "version is 'newest'"),
        ("release", ["name=m", "data=x", "base=y"], "eval_data is missing"),
    ],
)
def test_malformed_arguments_are_one_sentence(kind: str, given: list[str], says: str) -> None:
    with pytest.raises(TritextError) as refused:
        wanted(kind, parsed(given))
    assert says in str(refused.value)


def test_words_are_names_and_values() -> None:
    assert parsed(["a=b=c", "--text-column=x", "empty="]) == {"a": "b=c", "text_column": "x"}
    with pytest.raises(NotKeyValue, match="'loose'"):
        parsed(["loose"])
    with pytest.raises(GivenTwice, match="'a'"):
        parsed(["a=1", "a=2"])
    with pytest.raises(UnknownKind, match="expected one of train, build"):
        wanted("tune", {})


def test_relative_paths_are_the_submitters(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    given = settled(checked("train", {"data": "d.csv", "base": "base", "eval_data": "/e.csv"}), tmp_path)

    assert given == {
        "data": str(tmp_path / "d.csv"),
        "base": str(tmp_path / "base"),
        "eval_data": "/e.csv",
    }
    assert settled(checked("train", {"data": "/d", "base": "org/model"}), tmp_path)["base"] == "org/model"


@pytest.mark.parametrize("kind", KINDS)
def test_every_argument_has_a_meaning(kind: str) -> None:
    listed = {argument.name: argument for argument in arguments(kind)}
    fields = {field.alias or name for name, field in KINDS[kind].model_fields.items()}

    assert listed.keys() == fields - OWN
    assert [name for name, argument in listed.items() if not argument.meaning] == []


# ---- addresses


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRITEXT_DATABASE_URL", "mysql://host/db"),
        ("TRITEXT_DATABASE_URL", "host:5432"),
        ("TRITEXT_BROKER_URL", "kafka://host"),
        ("TRITEXT_BROKER_URL", "redis://"),
        ("TRITEXT_STALE_AFTER", "soon"),
    ],
)
def test_unusable_addresses_are_named(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        Settings.of({variable: value})


def refused(folder: Path, url: str) -> str:
    """The sentence of a submission to servers one of which is at this address, and is none."""
    variable = "TRITEXT_DATABASE_URL" if url.startswith("postgresql") else "TRITEXT_BROKER_URL"
    here, began = settings(folder, **{variable: url}), time.monotonic()
    with pytest.raises((BrokerUnreachable, DatabaseUnreachable)) as error:
        submit(Store(here), Bell(here), wanted("evaluate", {"name": "m", "data": "x"}))
    assert time.monotonic() - began < SECONDS
    return str(error.value)


def test_servers_that_are_away_or_silent_cost_seconds_and_leave_no_job(tmp_path: Path) -> None:
    with silent_port() as silent, ThreadPoolExecutor() as several:
        addresses = [
            f"{scheme}://me:secret@127.0.0.1:{port}/0"
            for scheme in ("redis", "amqp", "postgresql")
            for port in (free_port(), silent)
        ]
        sentences = list(several.map(partial(refused, tmp_path), addresses))

    for address, sentence in zip(addresses, sentences, strict=True):
        assert address.replace("me:secret@", "") in sentence
        assert "secret" not in sentence
    store = Store(settings(tmp_path))
    assert store.newest(10, parts=True) == []
    store.engine.dispose()


def test_a_database_with_a_wrong_password_or_name_is_one_sentence(tmp_path: Path, postgresql: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="nonsense"):
        Store(settings(tmp_path, TRITEXT_DATABASE_URL=postgresql.replace("/postgres", "/nonsense")))


# ---- commands


def test_what_cannot_be_submitted_leaves_nothing(queue: Queue) -> None:
    queue("submit", "train", "data=x", status=2)
    assert "base is missing" in queue.errors
    assert list(queue.folder.iterdir()) == []


def test_ids_must_be_some_jobs(queue: Queue) -> None:
    assert "No jobs yet" in queue("jobs")
    queue("jobs", "show", "nonsense", status=2)
    assert "No job has the id 'nonsense'" in queue.errors
    queue("jobs", "cancel", status=2)
    assert "wants a job's id" in queue.errors


def test_jobs_that_cannot_succeed_fail_at_once_with_their_sentence(
    served_queue: Queue, material: Material
) -> None:
    """Through a plain Celery client; its tasks get their rows, too."""
    queue = served_queue
    app = Celery(
        broker=queue.environment["TRITEXT_BROKER_URL"],
        backend=f"db+{queue.store.settings.database}",
        set_as_current=False,
    )
    nowhere = str(queue.folder / "nowhere")
    wrong = {
        "is none": app.send_task("tritext.train", kwargs={"data": "x", "base": "y", "unknown": 1}),
        "they have no names": app.send_task("tritext.build", args=["checkpoint"]),
        "nowhere": app.send_task(
            "tritext.evaluate", kwargs={"name": "m", "data": str(material.test), "repository": nowhere}
        ),
    }
    with queue.worker(3):
        for says, result in wrong.items():
            with pytest.raises(Exception, match=says) as failed:
                result.get(timeout=60)
            assert not isinstance(failed.value, NotInTime)
            assert queue.store.find(result.id).state == "failed"
            assert says in queue.store.find(result.id).message
            assert queue.store.find(result.id).attempts <= 1
    app.backend.ResultSession().get_bind().dispose()
    app.close()


@pytest.mark.slow
def test_stopped_workers_put_jobs_back_and_cancelled_jobs_end(queue: Queue, material: Material) -> None:
    job = queue.submit("train", **material.training(epochs=500))

    def process() -> Any:
        return queue.store.find(job).state == "running" and psutil.Process(worker.pid).children(
            recursive=True
        )

    with queue.worker() as worker:
        started = until(process)
        worker.terminate()
        assert worker.wait(30) == 0
    assert (queue.store.find(job).state, queue.store.find(job).attempts) == ("queued", 0)
    assert not any(each.is_running() for each in started)

    with queue.worker() as worker:
        started = until(process)
        queue("jobs", "cancel", job[:8])
        queue("jobs", "wait", job, status=1)
        assert "was cancelled" in queue.errors
        _, alive = psutil.wait_procs(started, timeout=20)
        assert not alive
        until(lambda: not list(queue.folder.glob("jobs/checkpoints/*")))
    assert worker.returncode == 0
    queue("jobs", "cancel", job)
    assert "over already" in queue.errors


def test_a_queued_job_is_cancelled_at_once_and_its_message_does_nothing(queue: Queue) -> None:
    job = queue.submit("evaluate", name="m", data="x")
    queue("jobs", "cancel", job)
    with queue.worker():
        until(lambda: not list(queue.folder.glob("jobs/broker/*.msg")))
    assert (queue.store.find(job).state, queue.store.find(job).attempts) == ("cancelled", 0)


def test_workers_load_neither_torch_nor_mlflow() -> None:
    import subprocess
    import sys

    code = "import sys, tritext_jobs.worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "transformers", "mlflow", "onnxruntime"} & set(loaded)
