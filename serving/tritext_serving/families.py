"""Ensembles that Tritext built, with everything that belongs to one of their versions. Reads files; draws and starts nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving import naming
from tritext_serving.repository import CONFIG, EXPLAIN, TOKENIZER, Model, Repository

LABELS = "labels.txt"
PROBES = "probes.json"
"""What a build asked the version, and its answers; in the first step's folder."""

ROLLBACK_TO = "rollback_to"
"""The parameter of a live ensemble that lists the versions that were live before it, the last one last."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """An ensemble, its steps and what explains it; `plain` is the version whose models have plain names, 0 if none has."""

    ensemble: Model
    steps: tuple[Model, ...]
    explanation: Model | None
    plain: int

    @property
    def name(self) -> str:
        return self.ensemble.name

    @property
    def versions(self) -> tuple[int, ...]:
        """Those that are complete, ascending."""
        return self.ensemble.versions

    @property
    def models(self) -> tuple[Model, ...]:
        return (self.ensemble, *self.steps, *((self.explanation,) if self.explanation else ()))

    def step_name(self, step: str, version: int) -> str:
        """What a step of a version is called in Triton."""
        return step if version == self.plain else naming.at(step, version)

    def steps_at(self, version: int) -> Iterator[Model]:
        """The steps as that version was built."""
        newest = self.ensemble.newest
        for step in self.steps:
            yield replace(step.as_built(version, newest=newest), versions=(version,))

    def explanation_at(self, version: int) -> Model | None:
        """What explains that version, if it was built with it."""
        if self.explanation is None or version not in self.explanation.versions:
            return None
        built = self.explanation.as_built(version, newest=self.ensemble.newest)
        return replace(built, config=_only(version, built.config), versions=(version,))

    def ensemble_at(self, version: int, *, probes: bool) -> ModelConfig:
        """The ensemble's config over that version's steps, under its plain name.

        Labels are found in the version's folder, since versions may have different ones. With `probes`, a parameter
        tells what the version was asked when it was built, and what it answered.
        """
        config = _only(version, self.ensemble.as_built(version, newest=self.ensemble.newest).config)
        for step in config.ensemble_scheduling.step:
            step.model_name = self.step_name(step.model_name, version)
        for output in config.output:
            if output.label_filename:
                output.label_filename = f"{version}/{output.label_filename}"
        path = self.ensemble.folder.with_name(f"{self.name}{TOKENIZER}") / str(version) / PROBES
        if probes and path.is_file():
            config.parameters["probes"].string_value = path.read_text(encoding="utf-8")
        return config


def of(repository: Repository, *, plain: Mapping[str, int]) -> list[Family]:
    """The families of a repository; `plain` says by name which of their versions has plain names."""
    return [
        Family(
            ensemble=repository.models[name],
            steps=tuple(repository.models[step] for step in repository.models[name].steps),
            explanation=_explanation(repository, name),
            plain=plain.get(name, 0),
        )
        for name in repository.live
    ]


def _explanation(repository: Repository, name: str) -> Model | None:
    """Also where the live version has none, and so the repository's list of models to serve neither."""
    model = f"{name}{EXPLAIN}"
    if model in repository.models:
        return repository.models[model]
    folder = repository.path / model
    tokenizer = repository.path / f"{name}{TOKENIZER}"
    versions = [v for v in repository.models[name].versions if (folder / str(v)).is_dir()]
    if not versions or not (folder / CONFIG).is_file() or not tokenizer.is_dir():
        return None
    config = text_format.Parse((folder / CONFIG).read_text(encoding="utf-8"), ModelConfig())
    return Model(folder=folder, config=config, config_path=folder / CONFIG, versions=tuple(versions))


def _only(version: int, config: ModelConfig) -> ModelConfig:
    """The config for one version of the model and no other."""
    own = ModelConfig()
    own.CopyFrom(config)
    own.version_policy.specific.versions[:] = [version]
    return own
