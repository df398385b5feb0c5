"""What all tests share: tiny checkpoints and versions built from them, made once per run."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.families import make
from tritext.registry import Registry, registry
from tritext_build import BuildRequest, TaskOptions, build
from tritext_serving import Server, running_server


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Ctrl+C reaches what the tests start, also where a shell started the tests in the background and ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _offline() -> Iterator[None]:
    """No test asks the Hub for anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny single-label classifier with three labels; of this seed, it gives all of them, few of them narrowly."""
    return make(tmp_path_factory.mktemp("checkpoint") / "tiny", seed=90)


@pytest.fixture(scope="session")
def multi_label_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny multi-label classifier with four labels."""
    return make(
        tmp_path_factory.mktemp("checkpoint") / "tiny-multi",
        head="multi-label",
        seed=1,
    )


@pytest.fixture(scope="session")
def repository(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Path, multi_label_checkpoint: Path
) -> Path:
    """A repository with one model of each kind that the tests of running servers ask."""
    folder = tmp_path_factory.mktemp("served") / "repository"
    wanted = {
        "tiny": (checkpoint, "onnx", "fp32"),
        "tiny_int8": (checkpoint, "onnx", "int8"),
        "tiny_torchscript": (checkpoint, "torchscript", "fp32"),
        "tiny_bf16": (checkpoint, "torchscript", "bf16"),
        "tiny_openvino": (checkpoint, "openvino", "fp32"),
        "tiny_openvino_int8": (checkpoint, "openvino", "int8"),
        "tiny_multi": (multi_label_checkpoint, "onnx", "fp32"),
        "tiny_pairs": (checkpoint, "onnx", "fp32"),
    }
    explained = ("tiny", "tiny_int8", "tiny_torchscript", "tiny_multi", "tiny_pairs")
    for name, (source, form, precision) in wanted.items():
        build(
            BuildRequest(
                checkpoint=str(source),
                name=name,
                repository=folder,
                format=form,
                precision=precision,
                options=TaskOptions(pairs=name == "tiny_pairs"),
                explain=name in explained,
            )
        )
    return folder


@pytest.fixture(scope="session")
def server(repository: Path) -> Iterator[Server]:
    """One real Triton over the tiny models."""
    with running_server(repository) as running:
        yield running


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database as it is made; making it takes seconds, copying it none."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        registry()
    return folder / "mlflow.db"


@pytest.fixture
def store(_empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of the test's own, which `MLFLOW_TRACKING_URI` names."""
    database = tmp_path / "mlruns" / "mlflow.db"
    database.parent.mkdir()
    shutil.copy(_empty_store, database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    return registry()
