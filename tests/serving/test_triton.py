"""A Triton with native backends is left alone; ours stand in only for what it lacks."""

from pathlib import Path

import pytest

from tests.serving.repositories import write
from tritext_serving import backend_folder, triton
from tritext_serving.errors import NotExecutable, NotTriton, TritonNotFound


def installed(root: Path, *backends: str) -> Path:
    """A tritonserver as it lies in NVIDIA's container, as far as finding it goes."""
    program = root / "bin/tritonserver"
    write(program, "#!/bin/sh\n")
    program.chmod(0o755)
    for name in backends:
        write(root / "backends" / name / f"libtriton_{name}.so", "")
    return program


def test_native_backends_are_left_alone(tmp_path: Path) -> None:
    found = triton.find(installed(tmp_path, "python", "onnxruntime", "pytorch", "openvino", "tensorrt"))
    folder = backend_folder.assemble(found, tmp_path / "place")
    assert folder.path == tmp_path / "backends"
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize(
    ("has", "ours"),
    [
        (("python",), {"onnxruntime", "pytorch", "openvino"}),
        (("python", "pytorch"), {"onnxruntime", "openvino"}),
        (("tensorrt",), set()),
    ],
)
def test_ours_stand_in_for_what_is_missing_where_python_is_there(
    tmp_path: Path, has: tuple[str, ...], ours: set[str]
) -> None:
    folder = backend_folder.assemble(triton.find(installed(tmp_path, *has)), tmp_path / "place")
    assert set(folder.available) == set(has) | ours
    assert {name for name in folder.available if (folder.path / name / "model.py").exists()} == ours


def test_the_one_on_path_comes_before_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = installed(tmp_path, "python")
    assert triton.find().stubs is not None
    monkeypatch.setenv("PATH", str(program.parent))
    assert triton.find().executable == program


def test_what_is_no_triton_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotExecutable):
        triton.find(tmp_path / "missing")
    with pytest.raises(NotTriton):
        triton.find(installed(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(triton, "_wheel_root", lambda: None)
    with pytest.raises(TritonNotFound, match="--tritonserver"):
        triton.find()
