"""The versions that lie in a model repository, and which checkpoint each was built from, as their manifests say."""

from collections.abc import Iterator
from pathlib import Path

from tritext.checkpoints import sha256
from tritext_perf.version_report.evidence import Document, read_document

_TOKENIZER, _MANIFEST = "_tokenizer", "manifest.json"


def manifest_path(repository: Path, name: str, version: int) -> Path:
    return repository / f"{name}{_TOKENIZER}" / str(version) / _MANIFEST


def versions(repository: Path) -> list[tuple[str, int]]:
    """Every complete version, by name and then by number."""
    found = (path.parent for path in repository.glob(f"*{_TOKENIZER}/*/{_MANIFEST}"))
    return sorted(
        (folder.parent.name.removesuffix(_TOKENIZER), int(folder.name))
        for folder in found
        if folder.name.isdecimal()
    )


def find(repository: Path, wanted: str) -> Document | None:
    """The manifest of NAME/VERSION, or of the newest version of NAME; None if there is none.

    Raises:
        TritextError: It is there and cannot be read.
    """
    name, _, asked = wanted.partition("/")
    there = [version for each, version in versions(repository) if each == name]
    chosen = [version for version in there if not asked or str(version) == asked]
    return read_document(manifest_path(repository, name, chosen[-1]), "manifest") if chosen else None


def built_from(checkpoint: Path, repository: Path) -> list[Document]:
    """The manifests of the versions whose weights came out of this folder, by the weights' sha256."""
    return [manifest for manifest in _manifests(repository) if is_built_from(manifest, checkpoint)]


def is_built_from(manifest: Document, checkpoint: Path) -> bool:
    """Whether the folder holds the very weights that the manifest names."""
    files = manifest.get("checkpoint", {}).get("files", {})
    weights = {name: facts for name, facts in files.items() if name.endswith(".safetensors")}
    return bool(weights) and all(_is_same(checkpoint / name, facts) for name, facts in weights.items())


def _is_same(path: Path, facts: Document) -> bool:
    """Sizes first, since hashing takes a second for each gigabyte."""
    same_size = path.is_file() and path.stat().st_size == facts.get("bytes")
    return same_size and sha256(path) == facts.get("sha256")


def _manifests(repository: Path) -> Iterator[Document]:
    for name, version in versions(repository):
        yield read_document(manifest_path(repository, name, version), "manifest")
