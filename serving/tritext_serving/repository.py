"""What a model repository on disk holds: configs, versions, and which of them are complete. Reads files, talks to no server."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving.errors import BadConfig, NothingToServe, RepositoryNotFound

CONFIG = "config.pbtxt"

MANIFEST = "manifest.json"
"""The last file that is written into a version of a tokenizer step: without it, the version is incomplete."""

TOKENIZER = "_tokenizer"
EXPLAIN = "_explain"
"""The end of the name of what explains an ensemble; its config calls its task "explanation"."""


def backend_of(config: ModelConfig) -> str:
    """The backend, also where a config names only the older `platform`."""
    return str(config.backend or config.platform.partition("_")[0])


@dataclass(frozen=True, kw_only=True)
class Model:
    """One folder of the repository: its config, and the versions of it that may be served."""

    folder: Path
    config: ModelConfig
    config_path: Path
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

    def as_built(self, version: int, *, newest: int) -> "Model":
        """The model as it is to be run at a version: the model's own config is the `newest` one's.

        The others brought theirs; where older builds did not, only the pins are changed.
        """
        own = self.folder / CONFIG
        path = own if version == newest else self.folder / str(version) / CONFIG
        if path.is_file():
            return replace(self, config=_parsed(path), config_path=path)
        config = _parsed(own)
        for step in config.ensemble_scheduling.step:
            step.model_version = version
        return replace(self, config=config, config_path=own)

    @property
    def newest(self) -> int:
        """The version that the ensemble's own config is made for: what its steps are pinned to."""
        return max(
            (step.model_version for step in _parsed(self.folder / CONFIG).ensemble_scheduling.step), default=0
        )


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The models to serve by name, and for each that is left out, in whole or in part, the reason.

    `live` is the version to serve of each ensemble that Tritext built; its models' configs are that version's.
    """

    path: Path
    models: Mapping[str, Model]
    skipped: Mapping[str, str]
    live: Mapping[str, int] = field(default_factory=dict)


def read(path: Path, live: Mapping[str, int] | None = None) -> Repository:
    """Read the repository at `path`; `live` names versions that are to be served, of other ensembles it is the newest.

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
    served = _choose_versions(models, live or {}, skipped)
    _drop_broken_ensembles(models, skipped)
    _drop_old_explanations(models, served, skipped)
    if not models:
        raise NothingToServe(path, skipped)
    return Repository(
        path=path,
        models=models,
        skipped=skipped,
        live={name: version for name, version in served.items() if name in models},
    )


def _model(folder: Path) -> Model:
    path = folder / CONFIG
    config = _parsed(path)
    if config.name not in {"", folder.name}:
        raise BadConfig(path, f"it names the model {config.name!r}, but its folder is {folder.name!r}")
    versions = sorted(int(child.name) for child in folder.iterdir() if _is_version(child))
    return Model(folder=folder, config=config, config_path=path, versions=tuple(versions))


def _parsed(path: Path) -> ModelConfig:
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except (text_format.ParseError, UnicodeDecodeError, OSError) as error:
        raise BadConfig(path, str(error)) from None


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
        for name in [
            ensemble.name,
            *_explanation(ensemble, models),
            *(s for s in ensemble.steps if s in models),
        ]:
            complete = tuple(v for v in models[name].versions if (tokenizer / str(v) / MANIFEST).is_file())
            for version in sorted(set(models[name].versions) - set(complete)):
                skipped[f"{ensemble.name} version {version}"] = f"incomplete, it has no {MANIFEST}"
            models[name] = replace(models[name], versions=complete)
            if not complete:
                del models[name]


def _choose_versions(
    models: dict[str, Model], live: Mapping[str, int], skipped: dict[str, str]
) -> dict[str, int]:
    """The version to serve of each ensemble that Tritext built, whose models get that version's configs."""
    chosen = {}
    for ensemble in [model for model in models.values() if model.name + TOKENIZER in models and model.steps]:
        pinned, wanted = max(ensemble.steps.values()), live.get(ensemble.name)
        if pinned < 1:
            continue
        if wanted is not None and wanted not in ensemble.versions:
            skipped[f"{ensemble.name} version {wanted}"] = "it was live, but is not there any more"
        version = next(iter([v for v in (wanted, pinned) if v in ensemble.versions]), ensemble.versions[-1])
        has_config = (ensemble.folder / str(version) / CONFIG).is_file()
        if version != pinned and (version == wanted or has_config):
            for name in [ensemble.name, *_explanation(ensemble, models), *ensemble.steps]:
                if name in models:
                    models[name] = models[name].as_built(version, newest=pinned)
        chosen[ensemble.name] = version
    return chosen


def _drop_broken_ensembles(models: dict[str, Model], skipped: dict[str, str]) -> None:
    """Leave out ensembles over a step, or over a version of one, that is not there."""
    for ensemble in list(models.values()):
        missing = [_named(*step) for step in ensemble.steps.items() if not _present(*step, models)]
        if missing:
            skipped[ensemble.name] = f"its step {missing[0]} is not there or not complete"
            del models[ensemble.name]


def _drop_old_explanations(
    models: dict[str, Model], served: Mapping[str, int], skipped: dict[str, str]
) -> None:
    """Leave out what explains a version that is not served, since the one that is came without explanations."""
    for ensemble in list(models.values()):
        version = served.get(ensemble.name, ensemble.versions[-1])
        for name in _explanation(ensemble, models):
            if version not in models[name].versions:
                skipped[name] = f"{ensemble.name} version {version} was built without --explain"
                del models[name]


def _explanation(ensemble: Model, models: Mapping[str, Model]) -> list[str]:
    """The name of what explains the ensemble, if there is such a model."""
    name = ensemble.name + EXPLAIN
    if name not in models:
        return []
    parameters = models[name].config.parameters
    return [name] if "task" in parameters and parameters["task"].string_value == "explanation" else []


def _present(step: str, version: int, models: Mapping[str, Model]) -> bool:
    return step in models and (version < 1 or version in models[step].versions)


def _named(step: str, version: int) -> str:
    return step if version < 1 else f"{step} version {version}"
