"""What a model repository on disk holds: configs, versions, and which of them are complete. Reads files, talks to no server."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving.errors import BadConfig, NothingToServe, RepositoryNotFound

MANIFEST = "manifest.json"
"""The last file that is written into a version of a tokenizer step: without it, the version is incomplete."""

TOKENIZER = "_tokenizer"


@dataclass(frozen=True, kw_only=True)
class Model:
    """One folder of the repository: its config, and the versions of it that may be served."""

    name: str
    config: ModelConfig
    versions: tuple[int, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The models that an ensemble is made of; of any other model, none."""
        return tuple(dict.fromkeys(step.model_name for step in self.config.ensemble_scheduling.step))


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The models to serve by name, and for each that is left out, in whole or in part, the reason."""

    path: Path
    models: Mapping[str, Model]
    skipped: Mapping[str, str]

    @property
    def ensembles(self) -> tuple[Model, ...]:
        return tuple(model for model in self.models.values() if model.steps)


def read(path: Path) -> Repository:
    """Read the repository at `path`.

    Raises:
        RepositoryNotFound: there is no such folder.
        BadConfig: a config.pbtxt does not parse.
        NothingToServe: no model in it has a complete version.
    """
    if not path.is_dir():
        raise RepositoryNotFound(path)
    found = [_model(folder) for folder in sorted(path.iterdir()) if (folder / "config.pbtxt").is_file()]
    models = {model.name: model for model in found}
    skipped: dict[str, str] = {}
    _drop_incomplete(path, models, skipped)
    _drop_broken_ensembles(models, skipped)
    if not models:
        raise NothingToServe(path, skipped)
    return Repository(path=path, models=models, skipped=skipped)


def _model(folder: Path) -> Model:
    path = folder / "config.pbtxt"
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except (text_format.ParseError, UnicodeDecodeError, OSError) as error:
        raise BadConfig(path, str(error)) from None
    versions = sorted(int(child.name) for child in folder.iterdir() if _is_version(child))
    return Model(name=config.name or folder.name, config=config, versions=tuple(versions))


def _is_version(folder: Path) -> bool:
    return folder.is_dir() and folder.name.isdecimal() and folder.name[0] != "0"


def _drop_incomplete(path: Path, models: dict[str, Model], skipped: dict[str, str]) -> None:
    """Leave out versions without a manifest, in every step of the ensemble they belong to."""
    for ensemble in [model for model in models.values() if model.name + TOKENIZER in models]:
        family = [ensemble.name, *(step for step in ensemble.steps if step in models)]
        tokenizer = path / (ensemble.name + TOKENIZER)
        for name in family:
            complete = tuple(v for v in models[name].versions if (tokenizer / str(v) / MANIFEST).is_file())
            for version in sorted(set(models[name].versions) - set(complete)):
                skipped[f"{ensemble.name} version {version}"] = f"incomplete, it has no {MANIFEST}"
            models[name] = replace(models[name], versions=complete)


def _drop_broken_ensembles(models: dict[str, Model], skipped: dict[str, str]) -> None:
    """Leave out models without any version, and the ensembles that cannot work without them."""
    for model in list(models.values()):
        if not model.versions:
            skipped.setdefault(model.name, "it has no complete version")
            del models[model.name]
    for ensemble in [model for model in models.values() if model.steps]:
        missing = [step for step in ensemble.steps if step not in models]
        if missing:
            skipped[ensemble.name] = f"its step {missing[0]} is not there or has no complete version"
            del models[ensemble.name]
