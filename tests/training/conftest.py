"""One tiny base and one finished run of each kind, shared by the tests of this folder."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.tiny_base import make_tiny_base, write_several_topics, write_topics
from tritext_training.loop import silence
from tritext_training.options import TrainingOptions
from tritext_training.run import train

silence()
torch.set_num_threads(1)  # more only get into each other's way on a model this small

QUICK = {"epochs": 6, "learning_rate": 2e-3, "batch_size": 8, "max_length": 16}


def options(**given: Any) -> TrainingOptions:
    return TrainingOptions(**{"task": "text-classification", **QUICK, **given})


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_topics(tmp_path_factory.mktemp("data") / "train.csv", rows=300, seed=1)


@pytest.fixture(scope="session")
def test_topics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_topics(tmp_path_factory.mktemp("data") / "test.csv", rows=60, seed=2)


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory, base: Path, topics: Path, test_topics: Path) -> Path:
    """A finished single-label run."""
    output = tmp_path_factory.mktemp("runs") / "single"
    train(options(data=topics, eval_data=test_topics, base=str(base), output=output))
    return output


@pytest.fixture(scope="session")
def multi_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_several_topics(tmp_path_factory.mktemp("data") / "train.json", rows=300, seed=3)


@pytest.fixture(scope="session")
def multi(tmp_path_factory: pytest.TempPathFactory, base: Path, multi_data: Path) -> Path:
    """A finished multi-label run that held out its own test rows."""
    output = tmp_path_factory.mktemp("runs") / "multi"
    train(options(data=multi_data, base=str(base), output=output))
    return output
