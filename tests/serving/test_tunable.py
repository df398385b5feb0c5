"""A model is tried apart from its repository, and only `write` changes that: one file, wholly or not at all."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.serving.repositories import add_ensemble, write
from tritext_serving import plan, tunable
from tritext_serving import repository as repositories
from tritext_serving.errors import CannotWriteConfig, ConfigChanged, NothingToTune, NotInRepository, NotReady
from tritext_serving.settings import ServeSettings
from tritext_serving.step_settings import StepSettings

WANTED = StepSettings(instances=3, threads=2, max_batch_size=64, limit=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_ensemble(tmp_path / "repository", "tiny", "onnxruntime")
    add_ensemble(tmp_path / "repository", "other", "onnxruntime")
    return tmp_path / "repository"


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: (path.read_bytes(), path.stat().st_mode) for name, path in found.items()}


def test_writing_changes_the_model_steps_config_and_no_other_file(folder: Path) -> None:
    config = folder / "tiny_model/config.pbtxt"
    config.chmod(0o640)
    before = files(folder)
    tunable.find(folder, "tiny").write(WANTED)
    after = files(folder)
    assert {name for name in after if after[name] != before.get(name)} == {"tiny_model/config.pbtxt"}
    assert after.keys() == before.keys()
    assert config.stat().st_mode & 0o777 == 0o640


def test_what_is_written_is_what_a_server_is_then_run_with(folder: Path) -> None:
    tunable.find(folder, "tiny").write(WANTED)
    model = repositories.read(folder).models["tiny_model"]
    assert plan.completed(model, plan.Parallelism(instances=7, threads=7, rows=7)) == model.config
    assert tunable.find(folder, "tiny").default == WANTED


def test_the_default_is_what_tritext_serve_makes_of_an_open_config(folder: Path) -> None:
    expected = plan.for_this_machine(ServeSettings())
    default = tunable.find(folder, "tiny").default
    if expected:
        assert (default.instances, default.threads) == (expected.instances, expected.threads)
    assert (default.max_batch_size, default.limit, default.delay_us) == (64, None, 500)


def test_the_defaults_own_config_is_not_rewritten(folder: Path) -> None:
    found = tunable.find(folder, "tiny")
    assert found.with_settings(found.default) == found.text


def test_a_config_that_changed_meanwhile_is_left_as_it_is(folder: Path) -> None:
    found = tunable.find(folder, "tiny")
    config = folder / "tiny_model/config.pbtxt"
    write(config, config.read_text(encoding="utf-8") + "# a build was here\n")
    before = files(folder)
    with pytest.raises(ConfigChanged, match="tune again"):
        found.write(WANTED)
    assert files(folder) == before


@pytest.mark.parametrize("broken", ["write_text", "replace"])
def test_a_write_that_fails_leaves_the_repository_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    found, before = tunable.find(folder, "tiny"), files(folder)
    monkeypatch.setattr(Path, broken, fail)
    with pytest.raises(CannotWriteConfig, match=r"tiny_model/config\.pbtxt: no space left"):
        found.write(WANTED)
    assert files(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_found_out_before_anything_is_measured(folder: Path) -> None:
    found = tunable.find(folder, "tiny")
    (folder / "tiny_model").chmod(0o500)
    try:
        with pytest.raises(CannotWriteConfig, match="permission denied"):
            found.check_writable()
    finally:
        (folder / "tiny_model").chmod(0o700)


def test_a_read_only_disk_is_found_out_before_anything_is_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    found = tunable.find(folder, "tiny")
    monkeypatch.setattr("tempfile.mkstemp", fail)
    with pytest.raises(CannotWriteConfig, match="read-only file system; nothing was changed"):
        found.check_writable()


def test_looking_whether_one_may_write_leaves_nothing(folder: Path) -> None:
    before = files(folder)
    tunable.find(folder, "tiny").check_writable()
    assert files(folder) == before


def test_a_config_behind_a_link_is_changed_where_it_is(folder: Path, tmp_path: Path) -> None:
    config = folder / "tiny_model/config.pbtxt"
    elsewhere = tmp_path / "elsewhere.pbtxt"
    config.rename(elsewhere)
    config.symlink_to(elsewhere)
    tunable.find(folder, "tiny").write(WANTED)
    assert config.is_symlink()
    assert "count: 3" in elsewhere.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("nowhere", NotInRepository, "it has other, tiny"),
        ("half", NotInRepository, "no version folder"),
        ("tiny_model", NothingToTune, "it is no ensemble; the repository's are other, tiny"),
        ("twice", NothingToTune, "its steps are tiny_model, other_model"),
    ],
)
def test_what_cannot_be_tuned_is_refused_with_what_can(
    folder: Path, name: str, error: type[Exception], says: str
) -> None:
    write(folder / "half/config.pbtxt", 'backend: "python"')
    steps = " ".join(
        f'step {{ model_name: "{step}" model_version: 1 }}' for step in ("tiny_model", "other_model")
    )
    write(folder / "twice/config.pbtxt", f'platform: "ensemble" ensemble_scheduling {{ {steps} }}')
    (folder / "twice/1").mkdir()
    with pytest.raises(error, match=says):
        tunable.find(folder, name)


def test_a_step_is_recognised_by_its_platform_too(folder: Path) -> None:
    config = folder / "tiny_model/config.pbtxt"
    text = config.read_text(encoding="utf-8").replace(
        'backend: "onnxruntime"', 'platform: "onnxruntime_onnx"'
    )
    write(config, text)
    found = tunable.find(folder, "tiny")
    assert "intra_op_thread_count" in found.with_settings(WANTED)


@pytest.mark.slow
def test_a_trial_serves_the_one_model_with_the_settings_and_leaves_the_repository_alone(folder: Path) -> None:
    import tritonclient.grpc

    before = files(folder)
    with (
        tunable.find(folder, "tiny").served(WANTED) as url,
        tritonclient.grpc.InferenceServerClient(url) as client,
    ):
        config = client.get_model_config("tiny_model").config
        names = {model.name for model in client.get_inference_statistics().model_stats}
        assert config.instance_group[0].count == 3
        assert list(config.dynamic_batching.preferred_batch_size) == [8]
    assert names == {"tiny", "tiny_tokenizer", "tiny_model"}
    assert files(folder) == before


@pytest.mark.slow
def test_triton_refuses_a_step_that_takes_fewer_rows_than_its_ensemble(folder: Path) -> None:
    """Why `max_batch_size` is never lowered; if this fails one day, it may be."""
    with (
        pytest.raises(NotReady, match="tiny"),
        tunable.find(folder, "tiny").served(replace(WANTED, max_batch_size=32)),
    ):
        pass


@pytest.mark.slow
def test_a_limit_caps_batches_and_a_larger_request_passes_whole(tmp_path: Path) -> None:
    """What the search calls a limit is Triton's preferred size, without a delay."""
    import numpy as np
    import tritonclient.grpc

    add_ensemble(tmp_path, "tiny", "onnxruntime")
    wanted = StepSettings(instances=1, threads=1, max_batch_size=64, limit=4)

    def rows(count: int) -> list[tritonclient.grpc.InferInput]:
        given = tritonclient.grpc.InferInput("input_ids", [count, 8], "INT64")
        given.set_data_from_numpy(np.zeros((count, 8), np.int64))
        return [given]

    with (
        tunable.find(tmp_path, "tiny").served(wanted) as url,
        tritonclient.grpc.InferenceServerClient(url) as client,
    ):
        assert client.infer("tiny_model", rows(64)).as_numpy("logits").shape == (64, 3)
        done: list[object] = []
        for _ in range(300):
            client.async_infer("tiny_model", rows(1), lambda result, error: done.append(error or result))
        while len(done) < 300:
            client.is_server_live()
        stats = client.get_inference_statistics("tiny_model").model_stats[0].batch_stats
        sizes = {one.batch_size for one in stats}
    assert 64 in sizes
    assert max(sizes - {64}) <= 4
    assert max(sizes - {64}) > 1
