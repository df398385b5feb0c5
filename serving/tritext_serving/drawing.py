"""A model's folder as Triton is shown it: links to what is in the repository, and the config that it is to have."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving import warmup
from tritext_serving.repository import CONFIG, Model


def show(model: Model, config: ModelConfig, shown: Path) -> None:
    """Draw a model with its versions; a config that is the repository's own is linked, too."""
    link(shown, (entry for entry in model.folder.iterdir() if not entry.name.isdecimal()))
    for version in map(str, model.versions):
        link(shown / version, (model.folder / version).iterdir())
    found = warmup.warmed(model.name, config)
    for name, content in found.files.items():
        (shown / warmup.FOLDER).mkdir(exist_ok=True)
        (shown / warmup.FOLDER / name).write_bytes(content)
    if found.config != model.config or model.config_path != model.folder / CONFIG:
        write_config(found.config, shown)


def write_config(config: ModelConfig, shown: Path) -> None:
    """The config of a folder of the view, in the place of a link or of another one."""
    (shown / CONFIG).unlink(missing_ok=True)
    text = f"# Completed by `tritext serve` for this machine.\n{text_format.MessageToString(config)}"
    (shown / CONFIG).write_text(text, encoding="utf-8")


def link(folder: Path, entries: Iterable[Path]) -> None:
    """File by file: what Python writes beside its modules, in whatever folder, must not land in the repository."""
    folder.mkdir(parents=True)
    for entry in entries:
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            link(folder / entry.name, entry.iterdir())
        else:
            (folder / entry.name).symlink_to(entry.absolute())


def clear(folder: Path) -> Path:
    """Nothing is there afterwards, whatever an interrupted drawing left."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
