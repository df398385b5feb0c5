"""Building as a job: its version is settled before it begins, so that a build done twice publishes once."""

import json
from pathlib import Path
from typing import Any

from tritext.checkpoints import locate, sha256, transformer_folder
from tritext.records import LabelledTexts, read_labelled_texts
from tritext.registry import RegisteredVersion, is_registered, registry
from tritext_build import BuildRequest, TaskOptions, build
from tritext_build.errors import VersionExists
from tritext_build.publish import choose_version
from tritext_jobs.arguments import BuildArguments
from tritext_jobs.child import REPOSITORY, Outcome, Task
from tritext_jobs.errors import VersionTaken


def work(task: Task, arguments: BuildArguments) -> Outcome:
    """Build, unless an earlier attempt has."""
    repository = (arguments.repository or REPOSITORY).absolute()
    registered = _registered(arguments)
    if registered:
        arguments = arguments.model_copy(
            update={"checkpoint": str(registered), "name": arguments.name or registered.name}
        )
    manifest = None
    while manifest is None:
        version = _version(task, arguments, registered, repository)
        settled = arguments.model_copy(update={"version": version, "repository": repository})
        task.pin(checkpoint=settled.checkpoint, name=settled.name, version=version, repository=repository)
        try:
            manifest = _published(task, settled, registered) or _built(task, settled)
        except (VersionExists, VersionTaken):
            # Another job took the number that this one had chosen for itself.
            if registered or arguments.version is not None:
                raise
    return Outcome(result=_result(manifest, repository), reports={"model": _model(manifest, registered)})


def _registered(arguments: BuildArguments) -> RegisteredVersion | None:
    return registry().resolve(arguments.checkpoint) if is_registered(arguments.checkpoint) else None


def _version(
    task: Task, arguments: BuildArguments, registered: RegisteredVersion | None, repository: Path
) -> int:
    """The number to build: the registry's, the one asked for or settled before, else the next free one."""
    if registered:
        return registered.version
    if arguments.version is None or task.attempt == 1:
        return choose_version(repository, arguments.name, arguments.version)
    return arguments.version


def _published(
    task: Task, arguments: BuildArguments, registered: RegisteredVersion | None
) -> dict[str, Any] | None:
    """The manifest of the version, if it is published already, by an earlier attempt or another job for the same."""
    repository, version = Path(str(arguments.repository)), int(arguments.version or 0)
    path = repository / f"{arguments.name}_tokenizer" / str(version) / "manifest.json"
    if not path.is_file():
        return None
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if not _is_same(manifest, arguments):
        raise VersionTaken(name=arguments.name, version=version, repository=repository)
    if registered:
        registry().log_build(registered, manifest)
    task.tell(1.0, "published already")
    return manifest


def _is_same(manifest: dict[str, Any], arguments: BuildArguments) -> bool:
    """Whether a version was made of this checkpoint, in this way."""
    if manifest["format"] != arguments.format or arguments.precision not in {"auto", manifest["precision"]}:
        return False
    found = locate(arguments.checkpoint, revision=arguments.revision, allow_pickle=arguments.allow_pickle)
    folder = transformer_folder(found)
    files = manifest["checkpoint"]["files"]
    weights = {
        name: each["sha256"] for name, each in files.items() if name.endswith((".safetensors", ".bin"))
    }
    return all((folder / name).is_file() and sha256(folder / name) == sum_ for name, sum_ in weights.items())


def _built(task: Task, arguments: BuildArguments) -> dict[str, Any]:
    request = BuildRequest(
        checkpoint=arguments.checkpoint,
        name=arguments.name,
        repository=Path(str(arguments.repository)),
        task=arguments.task,
        options=TaskOptions(pairs=arguments.pairs),
        revision=arguments.revision,
        allow_pickle=arguments.allow_pickle,
        version=arguments.version,
        format=arguments.format,
        precision=arguments.precision,
        max_length=arguments.max_length,
        evaluation=_evaluation(arguments),
    )
    last = 0.0

    def tell(what: str, done: float | None) -> None:
        nonlocal last
        last = last if done is None else done
        task.tell(last, what)

    return build(request, tell=tell).as_dict()


def _evaluation(arguments: BuildArguments) -> LabelledTexts | None:
    if arguments.eval_data is None:
        return None
    return read_labelled_texts(
        arguments.eval_data,
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        label_separator=arguments.label_separator,
    )


def _result(manifest: dict[str, Any], repository: Path) -> dict[str, Any]:
    kept = ("name", "version", "task", "format", "precision", "recipe", "unpadded", "max_length", "gates")
    return {"repository": str(repository), **{name: manifest[name] for name in kept}}


def _model(manifest: dict[str, Any], registered: RegisteredVersion | None) -> dict[str, Any]:
    """The registry's name where there is one, since there a model may be served by another."""
    return {
        "run": registered.run_id if registered else None,
        "name": registered.name if registered else manifest["name"],
        "version": manifest["version"],
        "task": manifest["task"],
        "parameters": {
            "build": {key: manifest[key] for key in ("name", "format", "precision", "max_length")}
        },
        "sizes": {"version_bytes": sum(file["bytes"] for file in manifest["files"].values())},
        "metrics": {"gates": {gate["name"]: gate["measured"] for gate in manifest["gates"]}},
        "state": "built",
    }
