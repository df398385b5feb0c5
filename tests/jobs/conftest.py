"""One Redis and one PostgreSQL for all tests of jobs, a tiny base checkpoint and little data."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import servers
from tests.jobs.queue import Queue
from tests.training.tiny_base import make_tiny_base, write_topics


@dataclass(frozen=True, kw_only=True)
class Material:
    """What jobs work with."""

    base: Path
    train: Path
    test: Path

    def training(self, **changed: Any) -> dict[str, Any]:
        """Arguments of a training that is over soon, but not at once."""
        quick = {"epochs": 12, "early_stopping": 0, "learning_rate": 1e-3, "batch_size": 8, "max_length": 16}
        return {"data": self.train, "base": self.base, **quick, **changed}


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("material")
    return Material(
        base=make_tiny_base(folder / "base"),
        train=write_topics(folder / "train.csv", rows=300, seed=1),
        test=write_topics(folder / "test.csv", rows=60, seed=2),
    )


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def served_queue(tmp_path_factory: pytest.TempPathFactory, redis: str, postgresql: str) -> Iterator[Queue]:
    """A queue on Redis and PostgreSQL."""
    queue = Queue(tmp_path_factory.mktemp("served"), database=postgresql, broker=redis)
    yield queue
    queue.close()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """A queue without any server."""
    queue = Queue(tmp_path)
    yield queue
    queue.close()
