"""Publishing: a staged version becomes part of a repository wholly or not at all.

A version is staged beside the repository on the same file system and moved in by renames, its manifest
last. Whatever stops the moves half-way, an exception or Ctrl+C, undoes them; what a `kill -9` leaves has no
manifest, counts as absent, and is replaced by the next build of that version.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import CannotWrite, VersionExists
from .layout import ModelVersion, manifest_path

CONFIG_FILES = ("config.pbtxt", "labels.txt")
"""What belongs to a model and not to one of its versions: replaced when a new version is published."""


def published_versions(repository: Path, name: str) -> list[int]:
    """The complete versions of a model, ascending."""
    folders = (repository / f"{name}_tokenizer").glob("[0-9]*")
    versions = sorted(int(folder.name) for folder in folders if folder.name.isdecimal())
    return [version for version in versions if (repository / manifest_path(name, version)).is_file()]


def choose_version(repository: Path, name: str, asked: int | None) -> int:
    """The version asked for if it is free, else the next one.

    Raises:
        VersionExists: The version asked for is published.
    """
    versions = published_versions(repository, name)
    free = max(versions, default=0) + 1
    if asked in versions:
        raise VersionExists(name=name, version=asked, repository=repository, free=free)
    return asked or free


@contextmanager
def staging(repository: Path) -> Iterator[Path]:
    """An empty folder from which renames into `repository` are atomic; gone afterwards.

    Raises:
        CannotWrite: The disk is full, read-only or not ours, here or anywhere inside the `with` block.
    """
    with translated(repository), ExitStack() as undo:
        if not repository.exists():
            repository.mkdir(parents=True)
            undo.callback(_remove_empty, repository)
        repository = repository.resolve()
        beside = repository.parent
        same_disk = beside.stat().st_dev == repository.stat().st_dev and os.access(beside, os.W_OK)
        # A repository that is a mount of its own has no beside; Triton ignores folders without a configuration.
        place, prefix = beside if same_disk else repository, f".{repository.name}-staging-"
        with _lock(repository):
            _sweep(place, prefix)
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            undo.enter_context(_lock(folder))
        yield folder


def _remove_empty(repository: Path) -> None:
    """Take back the folder of a repository in which nothing was published."""
    with suppress(OSError):
        repository.rmdir()


def _sweep(place: Path, prefix: str) -> None:
    """Remove what killed builds have staged; a living build holds its folder's lock."""
    for folder in place.glob(f"{prefix}*"):
        with suppress(BlockingIOError), _lock(folder, fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """The boundary to the file system: what stops a write becomes one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR,
                               errno.EEXIST, errno.EFBIG, errno.EIO, errno.ENAMETOOLONG}:  # fmt: skip
            raise
        raise CannotWrite(path=path, reason=os.strerror(error.errno).lower()) from error


def publish(version: ModelVersion, staged: Path, repository: Path) -> None:
    """Move the version under `staged` into `repository`.

    Raises:
        VersionExists: Somebody else published this version in the meantime.
    """
    with _lock(repository), ExitStack() as undo:
        choose_version(repository, version.name, version.version)
        manifest = staged / manifest_path(version.name, version.version)
        held_back = manifest.rename(staged / manifest.name)
        for model in version.absent_models:
            # What a killed build of this version left there would pass for a part of it.
            target = repository / model / str(version.version)
            _displace(target, staged / f"{model}.displaced", undo)
        for model in version.models:
            _make_folder(repository / model, undo)
            target = repository / model / str(version.version)
            _displace(target, staged / f"{model}.displaced", undo)
            _move(staged / model / target.name, target, undo)
        for model in version.models:
            for name in CONFIG_FILES:
                if (staged / model / name).exists():
                    _displace(
                        repository / model / name, staged / f"{model}.{name}.displaced", undo, keep=True
                    )
                    _move(staged / model / name, repository / model / name, undo)
        held_back.rename(repository / manifest_path(version.name, version.version))
        undo.pop_all()


def _make_folder(folder: Path, undo: ExitStack) -> None:
    if not folder.exists():
        folder.mkdir()
        undo.callback(folder.rmdir)


def _displace(path: Path, aside: Path, undo: ExitStack, *, keep: bool = False) -> None:
    """Put what stands at `path` aside so that it can come back; with `keep`, a copy stays until it is replaced."""
    if not path.exists():
        return
    if keep:
        shutil.copy2(path, aside)
    else:
        path.rename(aside)
    undo.callback(_replace(aside, path))


def _move(source: Path, target: Path, undo: ExitStack) -> None:
    source.replace(target)
    undo.callback(_replace(target, source))


def _replace(source: Path, target: Path) -> Callable[[], None]:
    def replace() -> None:
        source.replace(target)

    return replace


@contextmanager
def _lock(folder: Path, flags: int = 0) -> Iterator[None]:
    """Exclusive use of a folder; the lock is the folder itself and goes with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
        yield
    finally:
        os.close(descriptor)
