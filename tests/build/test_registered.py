"""A registered version keeps its number when it is built, and the registry hears of it."""

from pathlib import Path

import pytest

from tritext.registry import RegisteredVersion, Registry
from tritext_build import BuildRequest, Manifest, build
from tritext_build.errors import AlreadyBuilt, OtherVersion


def _register(store: Registry, checkpoint: Path) -> RegisteredVersion:
    run = store.start_run("trying", name="a run")
    run.log_folder(checkpoint, "checkpoint")
    return store.register("tiny", run_id=run.id)


def test_a_registered_version_becomes_the_triton_version_of_its_number(
    store: Registry, checkpoint: Path, tmp_path: Path
) -> None:
    """Whatever the order of building; the name comes along; a second build, or another number, is refused."""
    _register(store, checkpoint)
    second = _register(store, checkpoint)
    repository = tmp_path / "repository"
    manifest: Manifest = build(BuildRequest(checkpoint="models:/tiny", repository=repository))
    assert (manifest.name, manifest.version) == ("tiny", 2)
    assert manifest.checkpoint["source"] == "models:/tiny/2"
    (kept,) = store.artifacts(second, "builds")
    assert kept.read_text() == (repository / "tiny_tokenizer" / "2" / "manifest.json").read_text().rstrip(
        "\n"
    )
    tags = store.connection.client.get_model_version("tiny", "2").tags
    assert tags["tritext.gates"] == "passed"
    with pytest.raises(AlreadyBuilt, match=r"models:/tiny/2 is already built"):
        build(BuildRequest(checkpoint="models:/tiny/2", repository=repository))
    with pytest.raises(OtherVersion, match="same number"):
        build(BuildRequest(checkpoint="models:/tiny/1", version=3, repository=repository))
    assert not (repository / "tiny" / "1").exists()
