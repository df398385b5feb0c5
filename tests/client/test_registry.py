"""The registry: sources and names are checked, versions are found or missed in a sentence, artifacts come back whole."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tritext.checkpoint_errors import NotACheckpoint
from tritext.checkpoints import locate
from tritext.registry import Registry, RegistryError, registry
from tritext.registry.errors import NoSuchRun, NotRegistered, RegistryUnreachable, without_password
from tritext.registry.runs import one
from tritext.registry.sources import parse


def _registered(store: Registry, folder: Path, name: str = "tickets") -> str:
    """A run with a folder as its checkpoint, registered; its id."""
    run = store.start_run("trying", name="a run")
    run.log_folder(folder, "checkpoint")
    run.finish()
    store.register(name, run_id=run.id)
    return run.id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def test_without_a_server_runs_are_kept_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has to be installed or started for a first run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry().start_run("trying", name="first").finish()
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()


def test_versions_are_found_by_number_by_alias_and_as_the_newest(store: Registry, folder: Path) -> None:
    """The three ways in which MLflow's users name a version."""
    first, second = _registered(store, folder), _registered(store, folder)
    store.connection.client.set_registered_model_alias("tickets", "champion", "1")
    assert store.resolve("models:/tickets/1").run_id == first
    assert store.resolve("models:/tickets").run_id == second
    assert str(store.resolve("models:/tickets@champion")) == "models:/tickets/1"
    assert (locate("models:/tickets@champion") / "model.safetensors").read_bytes() == b"weights"


def test_what_is_not_there_is_named_together_with_what_is(store: Registry, folder: Path) -> None:
    """A wrong source gets a sentence from which the right one can be written."""
    with pytest.raises(NotRegistered, match=r"no model 'tickets': it is empty.*--register"):
        store.resolve("models:/tickets/1")
    _registered(store, folder)
    with pytest.raises(NotRegistered, match=r"no version 7 of 'tickets': it has 1"):
        store.resolve("models:/tickets/7")
    with pytest.raises(NotRegistered, match=r"no tickets@best: it has 1"):
        store.resolve("models:/tickets@best")
    with pytest.raises(NotRegistered, match=r"no model 'mails': it has tickets"):
        store.resolve("models:/mails")


@pytest.mark.parametrize(
    "source",
    ["models:tickets", "models:/", "models:/tickets/0", "models:/../x/1", "models:/a/b/c", "models:/a/1@b"],
)
def test_a_source_that_is_written_otherwise_is_refused(source: str) -> None:
    """The sentence shows the ways there are."""
    with pytest.raises(RegistryError, match=r"models:/NAME/7, models:/NAME@alias, or models:/NAME"):
        parse(source)


@pytest.mark.parametrize("name", ["../tickets", "a b", "", "a/b", "-x", "é"])
def test_a_name_that_could_not_be_served_is_not_registered(store: Registry, folder: Path, name: str) -> None:
    """The registered name becomes a folder and a Triton model."""
    with pytest.raises(RegistryError, match="cannot name a registered model"):
        _registered(store, folder, name)
    assert not store.versions_of_runs()


def test_a_version_without_a_checkpoint_is_refused_when_it_is_used(store: Registry, tmp_path: Path) -> None:
    """Models of other tools may live in the same registry."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "MLmodel").write_text("flavors: {}")
    _registered(store, other)
    with pytest.raises(NotACheckpoint, match=r"no config\.json"):
        locate("models:/tickets/1")


def test_a_run_is_found_by_the_beginning_of_its_id(store: Registry, folder: Path) -> None:
    """As with commits; what is too short or unknown is said."""
    run = _registered(store, folder)
    assert one(store.connection, run[:10]).id == run
    for wrong in ("abc", "zzzzzz"):
        with pytest.raises(NoSuchRun, match="tritext experiments"):
            one(store.connection, wrong)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:{port}", "postgresql://me:secret@127.0.0.1:{port}/runs"])
def test_a_store_that_does_not_answer_is_said_at_once_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    """MLflow would try for minutes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(port=taken.getsockname()[1]))
        started = time.monotonic()
        with pytest.raises(RegistryUnreachable, match="Cannot reach the MLflow store") as caught:
            registry()
    assert time.monotonic() - started < 10
    assert "secret" not in str(caught.value)
    assert without_password("a://me:secret@host/x") == "a://me:…@host/x"


@pytest.fixture
def tracking_server(tmp_path: Path, _empty_store: Path) -> Iterator[str]:
    shutil.copy(_empty_store, tmp_path / "server.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    command += ["--artifacts-destination", str(tmp_path / "kept")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True) as process,
    ):
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


@pytest.mark.slow
def test_a_servers_checkpoint_is_fetched_once_and_whole(
    tracking_server: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tracking server the files travel through it, into the cache, under the version's own folder."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_server)
    monkeypatch.setenv("TRITEXT_CACHE", str(tmp_path / "cache"))
    store = registry()
    _registered(store, folder)
    fetched = locate("models:/tickets/1")
    assert fetched.is_relative_to(tmp_path / "cache")
    assert {file.name for file in fetched.iterdir()} == {"config.json", "model.safetensors"}
    (fetched / "model.safetensors").write_bytes(b"kept")
    assert (locate("models:/tickets/1") / "model.safetensors").read_bytes() == b"kept"
