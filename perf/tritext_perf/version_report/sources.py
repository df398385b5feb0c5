"""From what a user names, a checkpoint's folder, a model version or a registered version, to the evidence about it."""

from dataclasses import replace
from pathlib import Path

from tritext.registry import is_registered
from tritext_perf.version_report import registered, repository
from tritext_perf.version_report.errors import NothingToReport, SeveralVersions
from tritext_perf.version_report.evidence import (
    TRAINING_REPORT,
    Document,
    Evidence,
    read_document,
    read_training,
)


def gather(
    source: str,
    *,
    models: Path,
    name: str | None = None,
    evaluation: Path | None = None,
    bench: Path | None = None,
) -> Evidence:
    """Everything there is about a version.

    Args:
        source: A folder, NAME or NAME/VERSION, or models:/NAME/VERSION.
        models: The model repository.
        name: The model, or NAME/VERSION, that a checkpoint was built as, where there are several.
        evaluation: What `tritext evaluate --json` printed.
        bench: What `tritext bench --json` printed.

    Raises:
        TritextError: There is no such source, or a document cannot be read or is about another version.
    """
    found = _found(source, models, name)
    return replace(
        found,
        evaluation=read_document(evaluation, "evaluation") if evaluation else found.evaluation,
        bench=read_document(bench, "bench") if bench else found.bench,
    )


def _found(source: str, models: Path, name: str | None) -> Evidence:
    if is_registered(source):
        evidence = registered.gather(source, name=name)
        return evidence if evidence.manifest else replace(evidence, manifest=_named(models, name))
    folder = Path(source).expanduser()
    if _is_checkpoint(folder):
        return _of_folder(folder, models, name)
    manifest = repository.find(models, source)
    if manifest is None:
        raise _nothing(source, models)
    return _of_version(manifest)


def _is_checkpoint(folder: Path) -> bool:
    return any((folder / file).is_file() for file in (TRAINING_REPORT, "config.json"))


def _nothing(source: str, models: Path) -> NothingToReport:
    there = [f"{name}/{version}" for name, version in repository.versions(models)]
    return NothingToReport(source=source, repository=models, versions=there)


def _named(models: Path, name: str | None) -> Document | None:
    """The manifest that --name asks for; None where nothing is asked."""
    if name is None:
        return None
    manifest = repository.find(models, name)
    if manifest is None:
        raise _nothing(name, models)
    return manifest


def _of_folder(folder: Path, models: Path, name: str | None) -> Evidence:
    training, false_predictions = read_training(folder)
    manifest = _named(models, name) or _only_build(folder, models)
    notes = []
    if manifest is not None and not repository.is_built_from(manifest, folder):
        notes.append(f"{_title(manifest)} was built from other weights than those in {folder}.")
    return Evidence(
        title=_title(manifest) if manifest else folder.resolve().name,
        checkpoint=str(folder),
        training=training,
        false_predictions=false_predictions,
        manifest=manifest,
        notes=tuple(notes),
    )


def _only_build(folder: Path, models: Path) -> Document | None:
    """The one version of the repository that was built from the folder's weights."""
    built = repository.built_from(folder, models)
    if len(built) > 1:
        raise SeveralVersions(source=str(folder), versions=[_title(each) for each in built])
    return built[0] if built else None


def _of_version(manifest: Document) -> Evidence:
    """The version, and its training where the checkpoint is still what it was built from."""
    source = str(manifest.get("checkpoint", {}).get("source", "CHECKPOINT"))
    title = _title(manifest)
    if is_registered(source):
        return replace(registered.gather(source), title=title, manifest=manifest, evaluation=None)
    folder = Path(source).expanduser()
    if not _is_checkpoint(folder):
        note = f"The checkpoint that it was built from, {source}, is not here."
        return Evidence(title=title, checkpoint=source, manifest=manifest, notes=(note,))
    if not repository.is_built_from(manifest, folder):
        note = f"The checkpoint at {source} has other weights by now: its training is not shown."
        return Evidence(title=title, checkpoint=source, manifest=manifest, notes=(note,))
    training, false_predictions = read_training(folder)
    return Evidence(
        title=title,
        checkpoint=source,
        training=training,
        false_predictions=false_predictions,
        manifest=manifest,
    )


def _title(manifest: Document) -> str:
    return f"{manifest['name']}/{manifest['version']}"
