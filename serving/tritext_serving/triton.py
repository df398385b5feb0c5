"""Which tritonserver to run and what comes with it: NVIDIA's container, a path, or the wheel `nvidia-pytriton`."""

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from tritext_serving.errors import NotExecutable, NotTriton, TritonNotFound, WrongArchitecture


@dataclass(frozen=True, kw_only=True)
class Triton:
    """A Triton installation. `stubs` holds the wheel's Python stubs by version; None where the backend brings its own."""

    executable: Path
    backends: Path
    caches: Path
    libraries: Path | None = None
    stubs: Path | None = None


def find(given: Path | None = None) -> Triton:
    """The Triton to run: the `given` program, else `tritonserver` on PATH, else the one of the wheel.

    Raises:
        NotExecutable: the given path is not a program.
        NotTriton: there are no backends where it would have them.
        WrongArchitecture: only the wheel is left, and it is not for this machine.
        TritonNotFound: there is none.
    """
    if given is not None:
        return _installed(given)
    on_path = shutil.which("tritonserver")
    return _installed(Path(on_path)) if on_path else _of_the_wheel()


def _installed(program: Path) -> Triton:
    executable = program.resolve()
    if not (executable.is_file() and os.access(executable, os.X_OK)):
        raise NotExecutable(program)
    wheel = _wheel_root()
    if wheel is not None and executable.is_relative_to(wheel):
        return _of_the_wheel()
    root = executable.parent.parent
    if not (root / "backends").is_dir():
        raise NotTriton(path=program, expected=root / "backends")
    return Triton(executable=executable, backends=root / "backends", caches=root / "caches")


def _of_the_wheel() -> Triton:
    root = _wheel_root()
    if root is None:
        raise (
            TritonNotFound
            if platform.machine() == "x86_64" and platform.system() == "Linux"
            else WrongArchitecture
        )
    return Triton(
        executable=root / "bin/tritonserver",
        backends=root / "backends",
        caches=root / "caches",
        libraries=root.parent.parent / "nvidia_pytriton.libs",
        stubs=root / "python_backend_stubs",
    )


def _wheel_root() -> Path | None:
    # Found without importing it: the package's own code pulls in far more than a path.
    spec = importlib.util.find_spec("pytriton")
    places = spec.submodule_search_locations if spec else None
    root = Path(next(iter(places))).resolve() / "tritonserver" if places else None
    return root if root and (root / "bin/tritonserver").is_file() else None
