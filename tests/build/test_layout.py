"""What stands in a repository follows from the version alone."""

import json
import re
from pathlib import Path, PurePosixPath

import pytest

from tests.build.test_model_config import classifier, version
from tritext_build.errors import BadName, BadVersion
from tritext_build.formats import FORMATS
from tritext_build.layout import ModelVersion, check_name
from tritext_build.tasks import TASKS
from tritext_build.tasks.task import RUNTIME

ROOT = Path(__file__).parents[2]
DEMO_LABELS = (
    "account_access",
    "billing",
    "privacy_security",
    "product_question",
    "returns",
    "shipping",
    "subscription",
    "technical_issue",
)
DEMO = {"tickets": "fp32", "tickets_int8": "int8"}


def demo_version(name: str, precision: str) -> ModelVersion:
    return ModelVersion(
        name=name,
        version=1,
        task=TASKS["text-classification"],
        blueprint=classifier(DEMO_LABELS),
        input_names=("input_ids", "attention_mask", "token_type_ids"),
        max_length=256,
        pad_token_id=0,
        truncation_side="right",
        format=FORMATS["onnx"],
        precision=precision,
    )


@pytest.mark.parametrize(("name", "precision"), DEMO.items())
def test_the_demo_s_configurations_and_code_in_git_are_the_generated_ones(name: str, precision: str) -> None:
    for path, content in demo_version(name, precision).files().items():
        if path.suffix != ".json":
            assert (ROOT / "model_repository" / path).read_bytes() == content, path


def test_the_steps_code_is_the_typed_and_tested_code_byte_for_byte() -> None:
    written = version("onnx").files()
    for path, content in written.items():
        if path.suffix == ".py":
            inside = PurePosixPath(*path.parts[2:])
            entrance = f"{path.parts[0].rsplit('_', 1)[1]}.py"
            source = entrance if inside.name == "model.py" else inside
            assert content == (RUNTIME / source).read_bytes(), path


def test_every_import_of_a_step_s_code_is_in_its_version() -> None:
    written = {str(path): content.decode() for path, content in version("onnx").files().items()}
    for path, content in written.items():
        folder = PurePosixPath(path).parent
        for dots, module in re.findall(r"^from (\.+)(\w+) import", content, re.MULTILINE):
            base = folder if len(dots) == 1 else folder.parent
            assert str(base / f"{module}.py") in written, f"{path} imports {dots}{module}"


@pytest.mark.parametrize(
    "folder", [*DEMO, *(f"{name}_{step}" for name in DEMO for step in ("tokenizer", "model"))]
)
def test_no_weights_are_in_git(folder: str) -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    assert (ROOT / "model_repository" / folder).is_dir()
    for pattern in ("model.onnx*", "model.pt", "model.xml", "model.bin", "tokenizer.json", "manifest.json"):
        assert f"/model_repository/*/*/{pattern}" in ignored


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../up", "-x", "a b", "ü", "x" * 101, "t_model", "t_tokenizer"]
)
def test_a_name_that_is_no_plain_folder_name_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        check_name(name)


@pytest.mark.parametrize("number", [0, -1])
def test_versions_start_at_one(number: int) -> None:
    fields = {name: getattr(version("onnx"), name) for name in ModelVersion.__dataclass_fields__}
    with pytest.raises(BadVersion):
        ModelVersion(**{**fields, "version": number})


def test_labels_of_any_script_survive_in_the_settings() -> None:
    fields = {name: getattr(version("onnx"), name) for name in ModelVersion.__dataclass_fields__}
    files = ModelVersion(**{**fields, "blueprint": classifier(('"quoted"', "приём", "一"))}).files()
    settings = next(
        content
        for path, content in files.items()
        if path.parts[0].endswith("postprocess") and path.suffix == ".json"
    )
    assert json.loads(settings)["answers"]["labels"] == ['"quoted"', "приём", "一"]
