"""Registered versions: made once per run, found by number or alias, fetched, and told what became of them."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tritext.registry import runs
from tritext.registry.connection import Connection
from tritext.registry.errors import NotRegistered, WithoutRun, mlflow_errors
from tritext.registry.runs import Run
from tritext.registry.sources import RegisteredVersion, Source, checked_name, parse

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHECKPOINT = "checkpoint"
"""The artifact folder of a run that holds its checkpoint."""


@dataclass(frozen=True, kw_only=False)
class Registry:
    """MLflow's model registry, as far as Tritext needs it."""

    connection: Connection

    def start_run(
        self, experiment: str, *, name: str, parent: str | None = None, resume: str | None = None
    ) -> Run:
        """A new run, or the one to resume; `parent` nests it."""
        return runs.start(self.connection, experiment, name=name, parent=parent, resume=resume)

    def register(self, name: str, *, run_id: str) -> RegisteredVersion:
        """The version of `name` that is the run's checkpoint: a run makes one version, however often it asks.

        Raises:
            BadName: The name cannot be served.
        """
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        client = self.connection.client
        with mlflow_errors(self.connection.uri):
            try:
                client.create_registered_model(checked_name(name))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            for found in client.search_model_versions(f"name='{name}'"):
                if found.run_id == run_id:
                    return _version(found)
            artifacts = client.get_run(run_id).info.artifact_uri
            made = client.create_model_version(name, source=f"{artifacts}/{CHECKPOINT}", run_id=run_id)
        return _version(made)

    def resolve(self, source: str) -> RegisteredVersion:
        """The version that `models:/NAME/7`, `models:/NAME@alias` or `models:/NAME` (the newest) means.

        Raises:
            NotASource: It is written otherwise.
            NotRegistered: The registry does not know it.
        """
        asked = parse(source)
        with mlflow_errors(self.connection.uri):
            found = self.connection.client.search_model_versions(f"name='{asked.name}'")
            versions = {int(version.version): version for version in found}
            if not versions:
                raise NotRegistered(source=f"model {asked.name!r}", known=self._known_models())
            number = self._number(asked, versions)
        if number not in versions:
            wanted = f"{asked.name}@{asked.alias}" if asked.alias else f"version {number} of {asked.name!r}"
            raise NotRegistered(source=wanted, known=f"it has {_listed(sorted(versions))}")
        return _version(versions[number])

    def download(self, version: RegisteredVersion) -> Path:
        """The local folder of the version's checkpoint, fetched once; a store on this machine is read in place."""
        with mlflow_errors(self.connection.uri):
            uri = self.connection.client.get_model_version_download_uri(version.name, str(version.version))
        return self._fetched(uri, version)

    def artifacts(self, version: RegisteredVersion, folder: str) -> list[Path]:
        """The files of one of the run's artifact folders (`builds`, `evaluations`, `reports`), fetched anew."""
        client = self.connection.client
        with mlflow_errors(self.connection.uri):
            found = [item.path for item in client.list_artifacts(version.run_id, folder) if not item.is_dir]
            target = tempfile.mkdtemp(prefix="tritext-artifacts-")
            return [Path(client.download_artifacts(version.run_id, path, target)) for path in found]

    def log_build(self, version: RegisteredVersion, manifest: Mapping[str, Any]) -> None:
        """What the build measured: the manifest as a file of the run, its verdict as tags of the version."""
        served = f"{manifest['name']}-{manifest['version']}"
        self._log_json(version, manifest, f"builds/{served}.json")
        gates = {gate["name"]: gate["measured"] for gate in manifest["gates"]}
        self._run(version).log_metrics({"gates": {manifest["name"]: gates}})
        self.set_tags(version, {f"build.{manifest['name']}": manifest["recipe"], "gates": "passed"})

    def log_evaluation(self, version: RegisteredVersion, figures: Mapping[str, Any]) -> None:
        """What `tritext evaluate --json` prints: as a file of the run, and its overall figures as metrics."""
        name = f"{figures['model']}-{version.version}"
        self._log_json(version, figures, f"evaluations/{name}.json")
        overall = {key: value for key, value in figures["served"].items() if key != "labels"}
        self._run(version).log_metrics({"served": overall})
        self.set_tags(version, {"evaluated": figures["data"]})

    def log_report(self, version: RegisteredVersion, html: Path) -> None:
        """A page about the version, as a file of its run, named in the version's description."""
        client = self.connection.client
        with mlflow_errors(self.connection.uri):
            client.log_artifact(version.run_id, str(html), "reports")
            uri = f"{client.get_run(version.run_id).info.artifact_uri}/reports/{html.name}"
            client.update_model_version(version.name, str(version.version), f"Report: {uri}")
        self.set_tags(version, {"report": f"reports/{html.name}"})

    def set_tags(self, version: RegisteredVersion, tags: Mapping[str, Any]) -> None:
        with mlflow_errors(self.connection.uri):
            for name, value in tags.items():
                self.connection.client.set_model_version_tag(
                    version.name, str(version.version), f"tritext.{name}", str(value)
                )

    def versions_of_runs(self) -> dict[str, RegisteredVersion]:
        """Every run that became a version, with the version."""
        with mlflow_errors(self.connection.uri):
            versions = map(_version, self.connection.client.search_model_versions())
            return {version.run_id: version for version in versions}

    def _number(self, asked: Source, versions: Mapping[int, Any]) -> int:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        if asked.alias is None:
            return asked.version or max(versions)
        try:
            return int(self.connection.client.get_model_version_by_alias(asked.name, asked.alias).version)
        except MlflowException:
            return 0

    def _known_models(self) -> str:
        names = sorted(model.name for model in self.connection.client.search_registered_models())
        return (
            f"it has {_listed(names)}" if names else "it is empty; `tritext train --register NAME` fills it"
        )

    def _run(self, version: RegisteredVersion) -> Run:
        return Run(connection=self.connection, id=version.run_id)

    def _log_json(self, version: RegisteredVersion, value: Mapping[str, Any], path: str) -> None:
        if not version.run_id:
            raise WithoutRun(source=str(version))
        with mlflow_errors(self.connection.uri):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            self.connection.client.log_text(version.run_id, text, path)

    def _fetched(self, uri: str, version: RegisteredVersion) -> Path:
        from mlflow.artifacts import download_artifacts  # noqa: PLC0415

        from tritext.checkpoints import cache_folder  # noqa: PLC0415 - it knows registries, too

        with mlflow_errors(self.connection.uri):
            if uri.startswith(("/", "file:")):
                return Path(download_artifacts(artifact_uri=uri, tracking_uri=self.connection.uri))
            store = hashlib.sha256(self.connection.uri.encode()).hexdigest()[:12]
            target = (
                cache_folder() / "registry" / store / f"{version.name}-{version.version}-{version.run_id}"
            )
            if not target.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".download-"))
                got = download_artifacts(
                    artifact_uri=uri, dst_path=str(scratch), tracking_uri=self.connection.uri
                )
                Path(got).rename(target)
                shutil.rmtree(scratch, ignore_errors=True)
            return target


def _version(found: "ModelVersion") -> RegisteredVersion:
    return RegisteredVersion(name=found.name, version=int(found.version), run_id=found.run_id or "")


def _listed(names: list[Any]) -> str:
    shown = ", ".join(str(name) for name in names[-10:])
    return shown if len(names) <= 10 else f"{len(names)}, the last of them {shown}"  # noqa: PLR2004
