"""Jobs on real servers whose workers are killed: each is done once, whatever dies. And the same with no server at all."""

import csv
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery
from redis import Redis

from tests.jobs.conftest import Material
from tests.jobs.queue import TRITEXT, Queue, killed, until, words
from tests.training.tiny_base import write_topics
from tritext_jobs.bell import Bell
from tritext_jobs.wholes import Wanted
from tritext_serving import running_server

pytestmark = pytest.mark.slow

ROWS, PART = 3000, 1000
CHECKPOINTS = "jobs/checkpoints/.{}.training/checkpoints/*/trainer_state.json"


@dataclass(frozen=True, kw_only=True)
class Releases:
    """Two releases of one model: the first one's workers were killed in training and in the build."""

    queue: Queue
    first: dict[str, Any]
    second: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Alone:
    """One command that does a release in its own process; it was killed soon, and given again."""

    queue: Queue
    process: "subprocess.Popen[bytes]"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Iterator[Alone]:
    queue = Queue(tmp_path_factory.mktemp("alone"))
    command = [*TRITEXT, "submit", "release", *words(_release(material)), "--here"]
    with (queue.folder / "log").open("wb") as log:
        where: dict[str, Any] = {"cwd": queue.folder, "env": queue.environment, "stdout": log, "stderr": log}
        process = subprocess.Popen(command, **where)
        until(lambda: list(queue.folder.glob("jobs/checkpoints/.*.training")))
        kill(process)
        process = subprocess.Popen(command, **where)
    yield Alone(queue=queue, process=process)
    process.kill()
    process.wait()
    queue.close()


@pytest.fixture(scope="module")
def releases(alone: Alone, served_queue: Queue, material: Material) -> Releases:
    del alone  # goes on meanwhile
    queue = served_queue
    first = queue.submit("release", **_release(material))
    with queue.worker() as worker:
        train = until(lambda: queue.parts(first).get("train")).id
        queue.until(first, lambda: list(queue.folder.glob(CHECKPOINTS.format(train))))
        kill(worker)
    with queue.worker() as worker:
        queue.until(first, lambda: list(queue.folder.glob(".model_repository-staging-*")))
        kill(worker)
    second = queue.submit("release", **_release(material))
    with queue.worker():
        queue("jobs", "wait", first, "--timeout", "200")
        queue("jobs", "wait", second, "--timeout", "200")
    return Releases(queue=queue, first=queue.shown(first), second=queue.shown(second))


def _release(material: Material) -> dict[str, Any]:
    return {"name": "topics", "eval_data": material.test, **material.training()}


def kill(worker: "subprocess.Popen[bytes]") -> None:
    """Kill a worker, and see that all that it started is gone soon."""
    started = psutil.Process(worker.pid).children(recursive=True)
    assert started
    killed(worker)
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive


def states(job: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part["kind"], part["state"]) for part in job["parts"]]


def test_a_training_goes_on_from_its_last_checkpoint_and_a_build_is_done_anew(releases: Releases) -> None:
    train, build, evaluate = releases.first["parts"]

    assert states(releases.first) == [(kind, "succeeded") for kind in ("train", "build", "evaluate")]
    assert (train["attempts"], build["attempts"], evaluate["attempts"]) == (2, 2, 1)
    assert train["result"]["resumed"]
    assert train["result"]["epochs"] == 12


def test_each_release_publishes_one_version_in_registry_and_repository(releases: Releases) -> None:
    queue = releases.queue
    assert [releases.first["result"]["version"], releases.second["result"]["version"]] == [1, 2]
    manifests = queue.folder.glob("model_repository/topics_tokenizer/*/manifest.json")
    assert sorted(path.parent.name for path in manifests) == ["1", "2"]
    with closing(sqlite3.connect(queue.folder / "mlruns" / "mlflow.db")) as registry:
        versions = dict(registry.execute("SELECT version, run_id FROM model_versions WHERE name = 'topics'"))
    assert versions == {1: releases.first["result"]["run_id"], 2: releases.second["result"]["run_id"]}
    assert not list(queue.folder.glob(".model_repository-staging-*"))
    assert not list(queue.folder.glob("jobs/checkpoints/.*"))


def test_the_reports_tables_have_each_model_once(releases: Releases) -> None:
    queue = releases.queue
    models = queue.rows("SELECT name, version, state, run FROM model_report ORDER BY version")
    results = [releases.first["result"], releases.second["result"]]
    assert models == [("topics", number, "evaluated", results[number - 1]["run_id"]) for number in (1, 2)]
    per_label = queue.rows(
        "SELECT version, label, support FROM eval_report JOIN model_report m ON m.id = model_report_id "
        "WHERE m.name = 'topics' ORDER BY version, label"
    )
    assert per_label == [(v, label, 20) for v in (1, 2) for label in ("fruit", "metal", "river")]
    wrong = queue.rows("SELECT count(*) FROM false_prediction")[0][0]
    assert wrong == sum(result["false_predictions"] for result in results)


def test_celerys_own_clients_see_how_a_task_ended(releases: Releases) -> None:
    queue = releases.queue
    app = Celery(
        broker=queue.environment["TRITEXT_BROKER_URL"],
        backend=f"db+{queue.store.settings.database}",
        set_as_current=False,
    )
    result = app.AsyncResult(releases.second["id"])
    assert result.state == "SUCCESS"
    assert result.get()["version"] == 2
    result.backend.ResultSession().get_bind().dispose()


def test_messages_for_nothing_hold_up_nobody(releases: Releases) -> None:
    """A worker that looks for its next message every other second needs most of a minute for these."""
    queue = releases.queue
    job = queue.store.find(releases.second["id"])
    finished = Wanted(id=job.id, kind=job.kind, arguments=job.arguments)
    with closing(Redis.from_url(queue.environment["TRITEXT_BROKER_URL"])) as broker:
        Bell(queue.store.settings).ring([finished] * 30)
        with queue.worker():
            until(lambda: not broker.llen(queue.store.settings.queue), seconds=30)

    again = queue.store.find(job.id)
    assert (again.state, again.attempts, again.result) == (job.state, job.attempts, job.result)


def test_no_row_is_lost_or_doubled_when_a_worker_dies_while_it_predicts(
    releases: Releases, tmp_path: Path
) -> None:
    queue, output = releases.queue, tmp_path / "output.csv"
    source = write_topics(tmp_path / "input.csv", rows=ROWS, seed=3)
    with running_server(queue.folder / "model_repository") as server:
        slowly = {"batch_size": 2, "in_flight": 1, "url": server.grpc_url, "prefix": "predicted_"}
        job = queue.submit(
            "predict", name="topics", input=source, output=output, rows_per_part=PART, **slowly
        )
        with queue.worker(2) as worker:
            queue.until(job, lambda: list(queue.folder.glob(f"jobs/parts/{job}/*.partial/journal.jsonl")))
            kill(worker)
        assert not output.exists()
        with queue.worker(2):
            queue("jobs", "wait", job, "--timeout", "120")
            until(lambda: not (queue.folder / "jobs" / "parts" / job).exists())

    found = queue.shown(job)
    assert (found["result"]["rows"], found["result"]["parts"]) == (ROWS, ROWS // PART)
    assert max(part["attempts"] for part in found["parts"]) == 2
    assert rows_of(output, "text") == rows_of(source, "text")
    assert all(rows_of(output, "predicted_score"))


def rows_of(path: Path, column: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def test_one_command_does_the_same_without_any_server(releases: Releases, alone: Alone) -> None:
    assert alone.process.wait(200) == 0, (alone.queue.folder / "log").read_text()
    (job,) = alone.queue.store.newest(10, parts=False)
    train, result = alone.queue.parts(job.id)["train"], job.result or {}

    assert (job.state, result["version"]) == ("succeeded", 1)
    assert result.keys() == releases.first["result"].keys()
    assert train.attempts == 2
    assert alone.queue.rows("SELECT name, version, state FROM model_report") == [("topics", 1, "evaluated")]
    assert alone.queue.rows("SELECT count(*) FROM eval_report") == [(3,)]
