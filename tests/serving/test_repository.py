"""What is complete is served; what is not is left out and named with its reason."""

from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tests.serving.repositories import add_ensemble, add_network, write
from tritext_serving import plan, view
from tritext_serving import repository as repositories
from tritext_serving.errors import BadConfig, NothingToServe, RepositoryNotFound
from tritext_serving.plan import Parallelism
from tritext_serving.settings import ServeSettings

TWO = Parallelism(instances=2, threads=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_ensemble(tmp_path / "repository", "tiny", "onnxruntime")
    return tmp_path / "repository"


def add_version(folder: Path, version: int, *, manifest: bool) -> None:
    for name in ("tiny", "tiny_model", "tiny_tokenizer"):
        (folder / name / str(version)).mkdir()
    if manifest:
        write(folder / f"tiny_tokenizer/{version}/manifest.json", "{}")


def test_a_complete_version_is_served_in_every_step(folder: Path) -> None:
    add_version(folder, 2, manifest=True)
    found = repositories.read(folder)
    assert {model.versions for model in found.models.values()} == {(1, 2)}
    assert found.skipped == {}


def test_a_version_without_manifest_is_left_out_of_every_step_and_named(folder: Path) -> None:
    add_version(folder, 2, manifest=False)
    found = repositories.read(folder)
    assert {model.versions for model in found.models.values()} == {(1,)}
    assert found.skipped == {"tiny version 2": "incomplete, it has no manifest.json"}


def test_an_ensemble_over_an_incomplete_version_is_left_out_with_the_step_to_blame(folder: Path) -> None:
    add_version(folder, 2, manifest=False)
    config = folder / "tiny/config.pbtxt"
    write(config, config.read_text(encoding="utf-8").replace("model_version: 1", "model_version: 2"))
    found = repositories.read(folder)
    assert "tiny" not in found.models
    assert "tiny_tokenizer version 2" in found.skipped["tiny"]


def add_explanation(folder: Path, *versions: int) -> None:
    write(
        folder / "tiny_explain/config.pbtxt",
        'backend: "python" parameters { key: "task" value { string_value: "explanation" } }',
    )
    for version in versions:
        (folder / "tiny_explain" / str(version)).mkdir()


def test_what_explains_is_served_in_complete_versions_only(folder: Path) -> None:
    add_explanation(folder, 1, 2)
    add_version(folder, 2, manifest=False)
    assert repositories.read(folder).models["tiny_explain"].versions == (1,)


def test_what_explains_an_older_version_only_is_left_out_with_the_reason(folder: Path) -> None:
    add_explanation(folder, 1)
    assert "tiny_explain" in repositories.read(folder).models
    add_version(folder, 2, manifest=True)
    config = folder / "tiny/config.pbtxt"
    write(config, config.read_text(encoding="utf-8").replace("model_version: 1", "model_version: 2"))
    found = repositories.read(folder)
    assert "tiny_explain" not in found.models
    assert found.skipped == {"tiny_explain": "tiny version 2 was built without --explain"}


def test_a_model_of_another_make_needs_no_manifest(folder: Path) -> None:
    add_network(folder, "other", "onnxruntime")
    assert repositories.read(folder).models["other"].versions == (1,)


@pytest.mark.parametrize("name", ["0", "01", "v1", "-1", "1.5", "²"])
def test_only_plain_positive_integers_are_versions(folder: Path, name: str) -> None:
    (folder / "tiny_model" / name).mkdir()
    assert repositories.read(folder).models["tiny_model"].versions == (1,)


def test_a_folder_without_config_is_no_model(folder: Path) -> None:
    (folder / ".staging/1").mkdir(parents=True)
    write(folder / "README.md", "notes")
    assert set(repositories.read(folder).models) == {"tiny", "tiny_model", "tiny_tokenizer"}


@pytest.mark.parametrize("text", ["garbage {", 'name: "other"', 'max_batch_size: "many"', "\x00"])
def test_a_config_that_is_none_is_refused_with_its_path(folder: Path, text: str) -> None:
    write(folder / "tiny_model/config.pbtxt", text)
    with pytest.raises(BadConfig, match=r"tiny_model/config\.pbtxt"):
        repositories.read(folder)


def test_a_missing_and_an_empty_repository_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFound, match="nowhere"):
        repositories.read(tmp_path / "nowhere")
    with pytest.raises(NothingToServe, match="tritext build"):
        repositories.read(tmp_path)


def test_a_repository_of_incomplete_versions_says_so(folder: Path) -> None:
    (folder / "tiny_tokenizer/1/manifest.json").unlink()
    with pytest.raises(NothingToServe, match="tiny version 1: incomplete"):
        repositories.read(folder)


def test_the_view_shows_complete_versions_only_and_the_files_stay_untouched(
    folder: Path, tmp_path: Path
) -> None:
    add_version(folder, 2, manifest=False)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shown = view.make(repositories.read(folder), TWO, tmp_path).path
    assert sorted(path.name for path in (shown / "tiny_model").iterdir()) == ["1", "config.pbtxt"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_is_written_beside_a_module_of_the_view_does_not_land_in_the_repository(
    folder: Path, tmp_path: Path
) -> None:
    write(folder / "tiny_tokenizer/1/task/rows.py", "")
    write(folder / "tiny_tokenizer/1/task/__pycache__/rows.pyc", "old")
    shown = view.make(repositories.read(folder), TWO, tmp_path).path / "tiny_tokenizer/1"
    for place in (shown, shown / "task"):
        write(place / "__pycache__/new.pyc", "")
    assert (shown / "task/rows.py").read_bytes() == b""
    assert not list(folder.rglob("new.pyc"))


def test_instances_and_threads_are_added_to_networks_alone(folder: Path, tmp_path: Path) -> None:
    shown = view.make(repositories.read(folder), TWO, tmp_path).path
    added = (shown / "tiny_model/config.pbtxt").read_text(encoding="utf-8")
    assert "count: 2" in added
    assert 'string_value: "3"' in added
    assert (shown / "tiny_tokenizer/config.pbtxt").is_symlink()
    assert "count" not in (shown / "tiny/config.pbtxt").read_text(encoding="utf-8")


def test_what_openvino_s_instances_share_is_multiplied(tmp_path: Path) -> None:
    add_network(tmp_path / "repository", "some_model", "openvino")
    config = plan.completed(repositories.read(tmp_path / "repository").models["some_model"], TWO)
    assert config.instance_group[0].count == 2
    assert {key: value.string_value for key, value in config.parameters.items()} == {
        "INFERENCE_NUM_THREADS": "6",
        "NUM_STREAMS": "2",
    }


@pytest.mark.parametrize(
    ("own", "limit"),
    [
        ("dynamic_batching { }", [16]),
        ("dynamic_batching { preferred_batch_size: 63 }", [16]),
        ("dynamic_batching { preferred_batch_size: 32 }", [32]),
        ("dynamic_batching { max_queue_delay_microseconds: 500 }", []),
        ("", []),
    ],
)
def test_batches_are_limited_where_the_config_leaves_them_open(
    tmp_path: Path, own: str, limit: list[int]
) -> None:
    add_network(tmp_path / "repository", "some_model", "onnxruntime", batching=own)
    model = repositories.read(tmp_path / "repository").models["some_model"]
    wanted = plan.parallelism(ServeSettings(instances=2), cores=2)
    on_a_processor = plan.completed(model, wanted)
    assert list(on_a_processor.dynamic_batching.preferred_batch_size) == limit
    assert on_a_processor.HasField("dynamic_batching") == bool(own)
    on_a_gpu = plan.completed(model, replace(wanted, on_gpu=frozenset({"onnxruntime"})))
    assert on_a_gpu.dynamic_batching == model.config.dynamic_batching


def test_more_threads_than_the_one_that_builds_write_can_be_asked_for(tmp_path: Path) -> None:
    built = 'parameters { key: "intra_op_thread_count" value: { string_value: "1" } }'
    add_network(tmp_path / "repository", "some_model", "onnxruntime", more=built)
    shown = view.make(repositories.read(tmp_path / "repository"), TWO, tmp_path).path
    config = text_format.Parse((shown / "some_model/config.pbtxt").read_text(encoding="utf-8"), ModelConfig())
    assert config.parameters["intra_op_thread_count"].string_value == "3"


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        ("instance_group { count: 5 kind: KIND_CPU }", ["count: 5"]),
        ('parameters { key: "intra_op_thread_count" value: { string_value: "7" } }', ["count: 2", '"7"']),
    ],
)
def test_what_the_config_decides_stays_as_it_is(tmp_path: Path, own: str, kept: list[str]) -> None:
    add_network(tmp_path / "repository", "some_model", "onnxruntime", more=own)
    shown = view.make(repositories.read(tmp_path / "repository"), TWO, tmp_path).path
    text = (shown / "some_model/config.pbtxt").read_text(encoding="utf-8")
    assert all(part in text for part in kept)
    assert '"3"' not in text


@pytest.mark.parametrize(("removed", "complete"), [("nothing", True), ("output", False), ("backend", False)])
def test_triton_completes_a_config_only_where_something_is_missing(
    folder: Path, tmp_path: Path, removed: str, *, complete: bool
) -> None:
    config = folder / "tiny_model/config.pbtxt"
    lines = config.read_text(encoding="utf-8").splitlines()
    write(
        config,
        "\n".join(line for line in lines if not line.strip().startswith(removed)).replace(
            'backend: "onnxruntime"', "" if removed == "backend" else 'backend: "onnxruntime"'
        ),
    )
    assert view.make(repositories.read(folder), TWO, tmp_path).configs_complete is complete
