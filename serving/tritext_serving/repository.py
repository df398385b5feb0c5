"""What a model repository on disk holds: configs, versions, and which of them are complete. Reads files, talks to no server."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving.errors import BadConfig, NothingToServe, RepositoryNotFound

CONFIG = "config.pbtxt"

MANIFEST = "manifest.json"
"""The last file that is written into a version of a tokenizer step: without it, the version is incomplete."""

TOKENIZER = "_tokenizer"


def backend_of(config: ModelConfig) -> str:
    """The backend, also where a config names only the older `platform`."""
    return str(config.backend or config.platform.partition("_")[0])


@dataclass(frozen=True, kw_only=True)
class Model:
    """One folder of the repository: its config, and the versions of it that may be served."""

    folder: Path
    config: ModelConfig
    versions: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def backend(self) -> str:
        return backend_of(self.config)

    @property
    def steps(self) -> Mapping[str, int]:
        """The models that an ensemble is made of and the version it pins (-1: the latest); none for any other model."""
        return {step.model_name: step.model_version for step in self.config.ensemble_scheduling.step}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The models to serve by name, and for each that is left out, in whole or in part, the reason."""

    path: Path
    models: Mapping[str, Model]
    skipped: Mapping[str, str]


def read(path: Path) -> Repository:
    """Read the repository at `path`.

    Raises:
        RepositoryNotFound: there is no such folder.
        BadConfig: a config.pbtxt does not parse.
        NothingToServe: no model in it has a complete version.
    """
    if not path.is_dir():
        raise RepositoryNotFound(path)
    found = [_model(folder) for folder in sorted(path.iterdir()) if (folder / CONFIG).is_file()]
    models = {model.name: model for model in found}
    skipped: dict[str, str] = {}
    _drop_empty(models, skipped)
    _drop_incomplete(models, skipped)
    _drop_broken_ensembles(models, skipped)
    if not models:
        raise NothingToServe(path, skipped)
    return Repository(path=path, models=models, skipped=skipped)


def _model(folder: Path) -> Model:
    path = folder / CONFIG
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except (text_format.ParseError, UnicodeDecodeError, OSError) as error:
        raise BadConfig(path, str(error)) from None
    if config.name not in {"", folder.name}:
        raise BadConfig(path, f"it names the model {config.name!r}, but its folder is {folder.name!r}")
    versions = sorted(int(child.name) for child in folder.iterdir() if _is_version(child))
    return Model(folder=folder, config=config, versions=tuple(versions))


def _is_version(folder: Path) -> bool:
    return folder.name.isascii() and folder.name.isdecimal() and folder.name[0] != "0" and folder.is_dir()


def _drop_empty(models: dict[str, Model], skipped: dict[str, str]) -> None:
    for model in [model for model in models.values() if not model.versions]:
        skipped[model.name] = "it has no version folder"
        del models[model.name]


def _drop_incomplete(models: dict[str, Model], skipped: dict[str, str]) -> None:
    """Leave out versions without a manifest, in every step of the ensemble they belong to."""
    for ensemble in [model for model in models.values() if model.name + TOKENIZER in models]:
        tokenizer = models[ensemble.name + TOKENIZER].folder
        for name in [ensemble.name, *(step for step in ensemble.steps if step in models)]:
            complete = tuple(v for v in models[name].versions if (tokenizer / str(v) / MANIFEST).is_file())
            for version in sorted(set(models[name].versions) - set(complete)):
                skipped[f"{ensemble.name} version {version}"] = f"incomplete, it has no {MANIFEST}"
            models[name] = replace(models[name], versions=complete)
            if not complete:
                del models[name]


def _drop_broken_ensembles(models: dict[str, Model], skipped: dict[str, str]) -> None:
    """Leave out ensembles over a step, or over a version of one, that is not there."""
    for ensemble in list(models.values()):
        missing = [_named(*step) for step in ensemble.steps.items() if not _present(*step, models)]
        if missing:
            skipped[ensemble.name] = f"its step {missing[0]} is not there or not complete"
            del models[ensemble.name]


def _present(step: str, version: int, models: Mapping[str, Model]) -> bool:
    return step in models and (version < 1 or version in models[step].versions)


def _named(step: str, version: int) -> str:
    return step if version < 1 else f"{step} version {version}"
