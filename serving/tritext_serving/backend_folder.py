"""The folder that Triton searches for backends: what the installation has, and our stand-ins for what it lacks.

Everything in it is a link or a small copy in a temporary place; the installation itself is never written to.
"""

import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import tritext_serving
from tritext_serving.errors import NoPythonStub, NoSharedPython
from tritext_serving.triton import Triton

STAND_INS = ("onnxruntime", "pytorch", "openvino")
"""Backends that we can run in Triton's Python stub."""

STUB = "triton_python_backend_stub"
UTILS = "triton_python_backend_utils.py"
LIBRARY = "libtriton_python.so"
NUMPY_2 = "stub_numpy"
ENVIRONMENTS = (b"/tmp/python_env_", b"./python_envs___")
"""How the names of the temporary folders begin that Triton makes for each Python backend, and how ours do: equally long."""

PACKAGE = Path(tritext_serving.__file__).parent


@dataclass(frozen=True, kw_only=True)
class BackendFolder:
    """What Triton is started with: the folder of backends, the folders of shared libraries, the backends' names."""

    path: Path
    libraries: tuple[Path, ...]
    available: tuple[str, ...]


def assemble(triton: Triton, place: Path) -> BackendFolder:
    """The installation's own folder, or where it lacks a backend that we have: links to it and ours, made in `place`.

    Raises:
        NoPythonStub: the wheel does not support the running Python.
        NoSharedPython: the running Python has no shared library.
    """
    present = tuple(sorted(path.name for path in triton.backends.iterdir() if path.is_dir()))
    stand_ins = tuple(name for name in STAND_INS if name not in present and "python" in present)
    if not stand_ins:
        return BackendFolder(path=triton.backends, libraries=(), available=present)
    folder = place / "backends"
    folder.mkdir(parents=True)
    for name in present:
        (folder / name).symlink_to(triton.backends / name)
    libraries = _python_backend(triton, folder / "python", place) if triton.stubs else ()
    for name in stand_ins:
        _stand_in(folder / name)
    return BackendFolder(path=folder, libraries=libraries, available=(*present, *stand_ins))


def _python_backend(triton: Triton, folder: Path, place: Path) -> tuple[Path, ...]:
    """The wheel's Python backend, completed by the stub of the running Python; the libraries that the two need."""
    source = triton.backends / "python"
    folder.unlink()
    folder.mkdir()
    for part in source.iterdir():
        if part.is_file():
            shutil.copy2(part, folder)
    # Copies, not links: Triton refuses a library outside its folder, and beside the real stub the loader would find the
    # wheel's own libpython first.
    shutil.copy2(_stub(triton), folder)
    _admit_numpy_2(folder)
    _keep_out_of_tmp(folder / LIBRARY)
    libraries = (_libpython(triton, place / "lib"), triton.libraries)
    return tuple(path for path in libraries if path is not None)


def _admit_numpy_2(folder: Path) -> None:
    shutil.copy2(PACKAGE / "backends" / f"{NUMPY_2}.py", folder)
    with (folder / UTILS).open("a", encoding="utf-8") as file:
        file.write(f"\n\nimport {NUMPY_2}\n\n{NUMPY_2}.adapt(__name__)\n")


def _keep_out_of_tmp(library: Path) -> None:
    """Let Triton make its temporary folders where it runs, which is where we clean up; it forgets them when it is killed."""
    library.write_bytes(library.read_bytes().replace(*ENVIRONMENTS))


def _stub(triton: Triton) -> Path:
    assert triton.stubs is not None  # noqa: S101 - callers ask only where there are stubs
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = triton.stubs / version / STUB
    if not stub.is_file():
        available = sorted(
            (path.name for path in triton.stubs.iterdir()), key=lambda name: int(name.split(".")[1])
        )
        raise NoPythonStub(version=version, available=available)
    return stub


def _libpython(triton: Triton, folder: Path) -> Path | None:
    """A folder with the running interpreter's own shared library, under the names that stubs are linked to.

    Another build of the same version is not good enough: the standard library's compiled modules belong to theirs.
    """
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    own = Path(sysconfig.get_config_var("LIBDIR") or "/nowhere") / name
    bundled = [path.name for path in triton.libraries.glob("libpython*")] if triton.libraries else []
    aliases = [alias for alias in bundled if f".{sys.version_info.minor}.so" in alias]
    if not own.is_file():
        if not aliases:
            raise NoSharedPython(library=name)
        return None
    folder.mkdir()
    for alias in (name, *aliases):
        (folder / alias).symlink_to(own)
    return folder


def _stand_in(folder: Path) -> None:
    folder.mkdir()
    (folder / "model.py").symlink_to(PACKAGE / "backends" / folder.name / "model.py")
    # The stub puts this folder on its path: its modules are found even where Tritext is not installed for it.
    (folder / PACKAGE.name).symlink_to(PACKAGE)
