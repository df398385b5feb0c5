"""The repository as Triton is shown it: complete versions only, configs completed for this machine; all the rest are links.

The repository itself is never written to, and may grow while it is served.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tritext_serving import plan
from tritext_serving.repository import CONFIG, Model, Repository


@dataclass(frozen=True, kw_only=True)
class View:
    """The folder to show, and whether Triton may trust the configs in it as they are, which halves the time to start."""

    path: Path
    configs_complete: bool


def make(repository: Repository, parallelism: plan.Parallelism | None, place: Path) -> View:
    """Make the view anew in `place`."""
    path = place / "view"
    shutil.rmtree(path, ignore_errors=True)
    for model in repository.models.values():
        _show(model, plan.additions(model, parallelism), path / model.name)
    return View(path=path, configs_complete=all(map(_is_complete, repository.models.values())))


def _is_complete(model: Model) -> bool:
    """Whether nothing is left for Triton to ask the model's own code or file about before it loads it."""
    return bool((model.backend or model.steps) and model.config.input and model.config.output)


def _show(model: Model, added: str, shown: Path) -> None:
    _link(shown, (entry for entry in model.folder.iterdir() if not entry.name.isdecimal()))
    for version in map(str, model.versions):
        _link(shown / version, (model.folder / version).iterdir())
    if added:
        own = (model.folder / CONFIG).read_text(encoding="utf-8")
        (shown / CONFIG).unlink()
        (shown / CONFIG).write_text(
            f"{own}\n# Added by `tritext serve` for this machine:\n{added}", encoding="utf-8"
        )


def _link(folder: Path, entries: Iterable[Path]) -> None:
    """File by file: what Python writes beside its modules, in whatever folder, must not land in the repository."""
    folder.mkdir(parents=True)
    for entry in entries:
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            _link(folder / entry.name, entry.iterdir())
        else:
            (folder / entry.name).symlink_to(entry.absolute())
