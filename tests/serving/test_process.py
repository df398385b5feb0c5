"""What tritonserver and its Python processes find in their environment."""

from pathlib import Path

import pytest

from tritext_serving.backend_folder import BackendFolder
from tritext_serving.process import KEPT_MEMORY, RETURNED_MEMORY, environment

BACKENDS = BackendFolder(path=Path("/backends"), libraries=(Path("/libraries"),), available=())
OURS = {"TOKENIZERS_PARALLELISM": "false", "OMP_WAIT_POLICY": "PASSIVE", "ORT_DISABLE_TELEMETRY": "1"}


TORCH = {"ensemble", "python", "pytorch"}


def test_nothing_spins_reports_or_gives_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*OURS, *KEPT_MEMORY):
        monkeypatch.delenv(name, raising=False)
    found = environment(BACKENDS, TORCH)
    assert {name: found[name] for name in OURS} == OURS
    assert all(found[name].isdecimal() for name in KEPT_MEMORY)
    assert found["LD_LIBRARY_PATH"].startswith("/libraries")


def test_where_no_network_needs_it_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEPT_MEMORY:
        monkeypatch.delenv(name, raising=False)
    found = environment(BACKENDS, {"ensemble", "python", "onnxruntime"})
    assert {name: int(found[name]) for name in KEPT_MEMORY if name in found} == RETURNED_MEMORY


@pytest.mark.parametrize("name", [*OURS, *KEPT_MEMORY])
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "mine")
    assert environment(BACKENDS, TORCH)[name] == "mine"
