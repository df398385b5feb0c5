"""The manifest: what a model version is, what it was made of, and what was checked before it was published.

It is written last, so a version without one is incomplete.
"""

import contextlib
import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from .checkpoint import Checkpoint
from .exporting import Attempt, Exported
from .gates import Gate

LIBRARIES = (
    *("tritext", "torch", "transformers", "tokenizers", "onnx", "onnxruntime"),
    *("openvino", "nncf"),
)
BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of `manifest.json`.

    Attributes:
        labels: By output index, where the task has labels.
        settings: What the Python steps were told besides the tokenizer's.
        recipe: Which of the format's ways to the precision passed the gates.
        rows_per_second: Of lines such as the gates' in one batch, on all cores of the machine that built.
        unpadded: Whether the graph computes on real tokens only; otherwise rows are as long as the batch's longest.
        tried: The precisions that were candidates, where the fastest was asked for.
        checkpoint: Where the weights came from, with the sha256 of each of the checkpoint's files.
        gates: What was measured, against what limit.
        files: Path in the repository to sha256 and bytes, for every file of the version folders.
        built: When, on what, with which libraries.
        training: The training report's summary, when the checkpoint has one.
    """

    name: str
    version: int
    task: str
    labels: tuple[str, ...]
    settings: Mapping[str, Any]
    format: str
    precision: str
    recipe: str
    rows_per_second: float
    unpadded: bool
    tried: tuple[Attempt, ...]
    max_length: int
    max_batch_size: int
    checkpoint: Mapping[str, Any]
    gates: tuple[Gate, ...]
    files: Mapping[str, Mapping[str, Any]]
    built: Mapping[str, Any]
    training: Mapping[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"


def make_manifest(made: Exported, checkpoint: Checkpoint, staged: Path) -> Manifest:
    """Describe the files under `staged`, which become the version that was made."""
    version, report = made.version, checkpoint.training_report()
    return Manifest(
        name=version.name,
        version=version.version,
        task=version.task.name,
        labels=version.blueprint.labels,
        settings={"rows": version.blueprint.rows, "answers": version.blueprint.answering},
        format=version.format.name,
        precision=version.precision,
        recipe=made.export.recipe,
        rows_per_second=made.rows_per_second,
        unpadded=made.export.unpadded,
        tried=made.tried,
        max_length=version.max_length,
        max_batch_size=version.most_rows,
        checkpoint={"source": checkpoint.source, "files": _described(checkpoint.path, "*")},
        gates=made.gates,
        files=_described(staged, "*/[0-9]*/**/*"),
        built={
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "libraries": _versions(),
        },
        training=report.get("metrics") if report else None,
    )


def _versions() -> dict[str, str]:
    """Of those libraries that are installed: some belong to one format only."""
    found = {}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = installed_version(library)
    return found


def _described(folder: Path, pattern: str) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
