"""A version is published wholly or not at all, and never changed."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.build.test_model_config import version as make_version
from tritext_build.errors import CannotWrite, VersionExists
from tritext_build.layout import ModelVersion
from tritext_build.publish import choose_version, publish, published_versions, staging


def stage(version: ModelVersion, folder: Path) -> None:
    """What a build stages, with stand-ins for weights and vocabulary."""
    for model in version.models:
        (folder / model / str(version.version)).mkdir(parents=True)
    weights = {version.graph_path: b"graph", version.tokenizer_paths[0]: b"{}", version.manifest_path: b"{}"}
    for path, content in {**version.files(), **weights}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def numbered(number: int) -> ModelVersion:
    values = {name: getattr(make_version("onnx"), name) for name in ModelVersion.__dataclass_fields__}
    return ModelVersion(**{**values, "version": number, "max_length": 50 + number})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that holds version 1."""
    folder = tmp_path / "repository"
    publish_one(folder, 1)
    return folder


def publish_one(repository: Path, number: int) -> None:
    with staging(repository) as staged:
        stage(numbered(number), staged)
        publish(numbered(number), staged, repository)


def test_a_published_version_has_every_file_that_was_staged(repository: Path) -> None:
    assert published_versions(repository, "moods") == [1]
    assert {"moods/config.pbtxt", "moods_model/1/model.onnx", "moods_tokenizer/1/manifest.json"} <= set(
        snapshot(repository)
    )


def test_a_new_version_leaves_the_old_ones_files_as_they_are(repository: Path) -> None:
    before = {path: data for path, data in snapshot(repository).items() if "/1/" in path}
    publish_one(repository, 2)
    assert before.items() <= snapshot(repository).items()
    assert published_versions(repository, "moods") == [1, 2]


def test_a_published_version_is_refused_and_the_next_free_one_is_named(repository: Path) -> None:
    with pytest.raises(VersionExists, match="take 2"):
        choose_version(repository, "moods", 1)
    assert choose_version(repository, "moods", None) == 2
    assert choose_version(repository, "moods", 9) == 9


def test_a_version_that_was_published_in_the_meantime_is_refused(repository: Path) -> None:
    before = snapshot(repository)
    with pytest.raises(VersionExists):
        publish_one(repository, 1)
    assert snapshot(repository) == before


def failing(
    call: Callable[[Path, Path], Path], at: int, error: BaseException
) -> Callable[[Path, Path], Path]:
    calls = iter(range(at + 1))

    def maybe(self: Path, target: Path) -> Path:
        if next(calls, None) == at:
            raise error
        return call(self, target)

    return maybe


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")], ids=["ctrl-c", "disk-full"]
)
@pytest.mark.parametrize("number", [1, 2], ids=["first", "second"])
@pytest.mark.parametrize("at", range(9))
def test_a_publication_cut_off_at_any_move_leaves_the_repository_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, number: int, error: BaseException
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    if number == 2:
        publish_one(repository, 1)
    before, folders = snapshot(repository), sorted(repository.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing(Path.replace, at, error))
        with pytest.raises((KeyboardInterrupt, CannotWrite)):
            publish_one(repository, number)
    assert snapshot(repository) == before
    assert sorted(repository.rglob("*")) == folders
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository"]


def test_what_a_killed_publisher_left_is_replaced(repository: Path) -> None:
    (repository / "moods_tokenizer/1/manifest.json").unlink()
    (repository / "moods_model/1/model.onnx").write_bytes(b"half")
    assert published_versions(repository, "moods") == []
    publish_one(repository, 1)
    assert (repository / "moods_model/1/model.onnx").read_bytes() == b"graph"


def test_a_repository_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="Nothing was published"), staging(tmp_path / "file" / "repository"):
        pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(small_disk: Path) -> None:
    repository = small_disk / "repository"
    with pytest.raises(CannotWrite, match="no space left"), staging(repository) as staged:
        (staged / "model.onnx").write_bytes(bytes(1 << 20))
    assert snapshot(small_disk) == {}


def test_what_a_killed_build_staged_is_swept_and_a_living_build_s_is_not(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    left = tmp_path / ".repository-staging-left"
    left.mkdir()
    with staging(repository) as living, staging(repository):
        assert living.is_dir()
        assert not left.exists()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_repository_that_was_there_before_stays(tmp_path: Path) -> None:
    with staging(tmp_path):
        pass
    assert tmp_path.is_dir()
