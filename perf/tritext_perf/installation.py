"""Where perf_analyzer is: named, on PATH, or fetched once from its pinned wheel into the cache.

The wheel's program needs two shared libraries that its makers left out; they come from NVIDIA's wheel of the server. A
small script beside them makes one command of the three. Nothing is installed into the environment.
"""

import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tritext.checkpoints import cache_folder, sha256
from tritext.console import err
from tritext_perf.errors import BrokenPerfAnalyzer, NoPerfAnalyzer

VERSION = "2.51.0"
"""The last release whose program runs on glibc 2.35; later ones want 2.38."""

OLDEST_GLIBC = (2, 35)

PROGRAM_WHEEL = f"tritonclient=={VERSION}"
PROGRAM_SHA256 = "c485bb0123bdf310f90bc8b03d3489b28df2ffed55b30c7eee0b795b48113d52"
LIBRARY_WHEEL = "nvidia-pytriton==0.7.0"
LIBRARY_SHA256 = "21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df"

LIBRARIES = {"libb64-*.so*": "libb64.so.0d", "libcudart-*.so*": "libcudart.so.12"}
"""How the files are called in the server's wheel, and how the program asks for them."""

SCRIPT = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$here/bin/perf_analyzer" "$@"
"""


@dataclass(frozen=True, kw_only=True)
class PerfAnalyzer:
    """A perf_analyzer that has been seen to run."""

    path: Path
    version: str


def find(path: Path | None = None) -> PerfAnalyzer:
    """The perf_analyzer at `path`, else the one on PATH, else our own, installed on first use.

    Raises:
        BrokenPerfAnalyzer: The one at `path` does not run.
        NoPerfAnalyzer: There is none, and none can be installed.
    """
    if path is not None:
        return _checked(path.absolute())
    on_path = shutil.which("perf_analyzer")
    if on_path:
        try:
            return _checked(Path(on_path))
        except BrokenPerfAnalyzer as error:
            err.print(f"{error} Taking our own instead.", highlight=False, markup=False)
    own = cache_folder() / f"perf_analyzer-{VERSION}"
    if not own.is_dir():
        _install(own)
    return _checked(own / "perf_analyzer")


def _checked(path: Path) -> PerfAnalyzer:
    try:
        result = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", check=False, timeout=30
        )
    except OSError as error:
        raise BrokenPerfAnalyzer(path=path, reason=error.strerror or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise BrokenPerfAnalyzer(path=path, reason="`--version` gives no answer for 30 s") from error
    said = (result.stdout + result.stderr).strip().splitlines() or ["it prints no version"]
    if result.returncode:
        raise BrokenPerfAnalyzer(path=path, reason=said[-1])
    if "Version " not in said[0]:
        raise BrokenPerfAnalyzer(path=path, reason=f"its version is {said[0][:80]!r}")
    return PerfAnalyzer(path=path, version=said[0].partition("Version ")[2].split()[0])


# ---- our own


def _install(target: Path) -> None:
    """Put program, libraries and script together in a scratch folder, see them run, and only then name the folder."""
    _require_platform()
    err.print(f"Installing perf_analyzer {VERSION} into {target} …", highlight=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".perf_analyzer-") as scratch:
            _assemble(Path(scratch) / "new")
            _name(Path(scratch) / "new", target)
    except OSError as error:
        raise NoPerfAnalyzer(reason=f"cannot write to {target.parent} ({error.strerror or error})") from error


def _require_platform() -> None:
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise NoPerfAnalyzer(reason=f"its wheel is for Linux on x86-64, this is {system} on {machine}")
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < OLDEST_GLIBC:
        wanted = ".".join(map(str, OLDEST_GLIBC))
        raise NoPerfAnalyzer(
            reason=f"it needs glibc {wanted} or newer, this is {library or 'another C library'} {version}".strip()
        )


def _assemble(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    program = folder / "bin" / "perf_analyzer"
    wheel = _download(PROGRAM_WHEEL, PROGRAM_SHA256, folder.parent)
    _extract(wheel, "*/bin/perf_analyzer", program)
    _add_libraries(folder / "lib", folder.parent)
    script = folder / "perf_analyzer"
    script.write_text(SCRIPT)
    for file in (program, script):
        file.chmod(0o755)
    try:
        _checked(script)
    except BrokenPerfAnalyzer as error:
        raise NoPerfAnalyzer(reason=str(error).rstrip(".")) from error


def _name(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():  # unless another process was faster
            raise


def _add_libraries(folder: Path, scratch: Path) -> None:
    """Copies, so that they outlive the environment that they come from."""
    installed = _installed_libraries()
    wheel = None if installed else _download(LIBRARY_WHEEL, LIBRARY_SHA256, scratch)
    for pattern, name in LIBRARIES.items():
        if wheel:
            _extract(wheel, f"nvidia_pytriton.libs/{pattern}", folder / name)
        else:
            shutil.copy2(next(installed.glob(pattern)), folder / name)  # type: ignore[union-attr]


def _installed_libraries() -> Path | None:
    """The folder of libraries of an installed server, if it has what we need."""
    spec = find_spec("pytriton")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parents[1] / "nvidia_pytriton.libs"
    return folder if all(any(folder.glob(pattern)) for pattern in LIBRARIES) else None


def _download(requirement: str, expected: str, scratch: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or not wheels:
        lines = result.stderr.strip().splitlines() or ["pip wrote no wheel"]
        raise NoPerfAnalyzer(
            reason=f"pip could not download {requirement} ({lines[-1].removeprefix('ERROR: ').rstrip('.')})"
        )
    actual = sha256(wheels[0])
    if actual != expected:
        raise NoPerfAnalyzer(
            reason=f"{wheels[0].name} is not what was published: expected sha256 {expected}, got {actual}"
        )
    return wheels[0]


def _extract(wheel: Path, pattern: str, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if Path(name).match(pattern))
        with archive.open(member) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
