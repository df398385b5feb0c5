"""One model of a repository with other settings: served apart from it for a trial, or written into its config.pbtxt for good.

Until `write`, the repository is only read.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving import config_text, plan, repository, step_settings
from tritext_serving.errors import CannotWriteConfig, ConfigChanged, NothingToTune, NotInRepository
from tritext_serving.plan import INTRA_OP, MODEL_STEP
from tritext_serving.repository import CONFIG, Model, Repository
from tritext_serving.server import running_server
from tritext_serving.settings import ServeSettings
from tritext_serving.step_settings import StepSettings


@dataclass(frozen=True, kw_only=True)
class Tunable:
    """An ensemble and its one step that runs a network, as they were when the repository was read."""

    repository: Path
    models: tuple[Model, ...]
    """The ensemble and all its steps."""
    step: Model
    text: str
    """The step's config.pbtxt, character for character."""

    @property
    def path(self) -> Path:
        """Of the config.pbtxt that is tuned."""
        return self.step.folder / CONFIG

    @property
    def default(self) -> StepSettings:
        """What `tritext serve` makes of the config on this machine."""
        return step_settings.read(plan.completed(self.step, plan.for_this_machine(ServeSettings())))

    def with_settings(self, settings: StepSettings) -> str:
        """The text of the config with these settings; the default's leave it as it is."""
        if settings == self.default:
            return self.text
        return config_text.rewritten(self.text, step_settings.applied(self.step.config, settings))

    @contextmanager
    def served(self, settings: StepSettings, **options: Any) -> Iterator[str]:
        """Serve this model alone with these settings while the block runs, on free ports; gives the gRPC address."""
        with tempfile.TemporaryDirectory(prefix="tritext-trial-") as place:
            for model in self.models:
                _link(model, Path(place))
            config = Path(place, self.step.name, CONFIG)
            config.unlink()
            config.write_text(self.with_settings(settings), encoding="utf-8")
            with running_server(place, exit_timeout=1.0, **options) as server:
                yield server.grpc_url

    def check_writable(self) -> None:
        """Raise CannotWriteConfig now, rather than after minutes of measuring."""
        with _translated(self.path), _beside(self.path):
            pass

    def write(self, settings: StepSettings) -> None:
        """Put the settings into the repository's config.pbtxt, in one step, and touch nothing else.

        Raises:
            ConfigChanged: The config is not the one that was read.
            CannotWriteConfig: The disk is full, read-only or not ours.
        """
        with _translated(self.path), _locked(self.repository):
            if self.path.read_text(encoding="utf-8") != self.text:
                raise ConfigChanged(path=self.path)
            with _beside(self.path) as new:
                new.write_text(self.with_settings(settings), encoding="utf-8")
                shutil.copymode(self.path, new)
                new.replace(self.path.resolve())


def find(path: Path, name: str) -> Tunable:
    """The model `name` of the repository at `path`.

    Raises:
        ServingError: There is no such repository or model, or nothing in it that could be tuned.
    """
    found = repository.read(path)
    ensemble = found.models.get(name)
    if ensemble is None:
        skipped = "; ".join(reason for who, reason in found.skipped.items() if who.split(" ")[0] == name)
        raise NotInRepository(name=name, repository=path, ensembles=_ensembles(found), skipped=skipped)
    steps = [found.models[step] for step in ensemble.steps]
    networks = [step for step in steps if step.backend in INTRA_OP and step.name.endswith(MODEL_STEP)]
    if len(networks) != 1:
        raise NothingToTune(name=name, steps=list(ensemble.steps), ensembles=_ensembles(found))
    text = (networks[0].folder / CONFIG).read_text(encoding="utf-8")
    step = replace(networks[0], config=text_format.Parse(text, ModelConfig()))
    return Tunable(repository=path, models=(ensemble, *steps), step=step, text=text)


def _ensembles(found: Repository) -> Sequence[str]:
    return [model.name for model in found.models.values() if model.steps]


def _link(model: Model, place: Path) -> None:
    """Show the model's files and complete versions under `place`."""
    shown = place / model.name
    shown.mkdir()
    versions = {str(version) for version in model.versions}
    for entry in model.folder.iterdir():
        if entry.name in versions or not entry.name.isdecimal():
            (shown / entry.name).symlink_to(entry.absolute())


# ---- writing


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty file on the same disk as `path`, gone afterwards unless it was renamed."""
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """No build publishes into the repository meanwhile: it takes the same lock."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """The boundary to the file system: what stops a write becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise CannotWriteConfig(path=path, reason=(error.strerror or str(error)).lower()) from error
