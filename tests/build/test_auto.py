"""The fastest precision: what was tried is told, and what is published is one version like any other."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_build import BuildRequest, Manifest, build, exporting, gates
from tritext_build.errors import GateFailed
from tritext_build.formats import AUTO, FORMATS


def built(checkpoint: Path, repository: Path) -> Manifest:
    return build(
        BuildRequest(
            checkpoint=str(checkpoint),
            name="fast",
            repository=repository,
            format="torchscript",
            precision=AUTO,
        )
    )


@pytest.mark.slow
def test_the_fastest_of_what_was_tried_is_published_and_nothing_else(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = iter([100.0, 200.0])
    monkeypatch.setattr(exporting, "_rows_per_second", lambda _run, _example: next(speeds))
    manifest = built(checkpoint, tmp_path)
    tried = {attempt.precision: attempt for attempt in manifest.tried}
    assert list(tried) == [name for name in FORMATS["torchscript"].precisions if name != "fp16"]
    assert manifest.precision == manifest.recipe == "bf16"
    assert (tried["fp32"].rows_per_second, tried["bf16"].rows_per_second) == (100, 200)
    config = text_format.Parse((tmp_path / "fast/config.pbtxt").read_text(encoding="utf-8"), ModelConfig())
    assert config.parameters["precision"].string_value == "bf16"
    assert [path.name for path in (tmp_path / "fast_model/1").glob("model*")] == ["model.pt"]
    assert not list(tmp_path.rglob("tried-*"))


@pytest.mark.slow
def test_a_precision_that_fails_a_gate_is_no_candidate_however_fast(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = {"bf16"}

    def company(*_arguments: object, precision: str, **_others: object) -> list[gates.Gate]:
        measured = 1.0 if precision in failing else 0.0
        return [gates.Gate(name="company", what="…", measured=measured, limit=0.5, at_least=False, texts=1)]

    speeds = iter([100.0, 200.0])
    monkeypatch.setattr(exporting, "_rows_per_second", lambda _run, _example: next(speeds))
    monkeypatch.setattr(gates, "company", company)
    manifest = built(checkpoint, tmp_path / "one")
    assert manifest.precision == "fp32"
    assert "company" in {attempt.precision: attempt.failure for attempt in manifest.tried}["bf16"]

    failing.add("fp32")
    with pytest.raises(GateFailed, match=r"fp32: .*company.*bf16: .*company"):
        built(checkpoint, tmp_path / "two")
    assert not list((tmp_path / "two").rglob("*.pbtxt"))
