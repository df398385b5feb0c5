"""Versions of the registry: their checkpoint, and the build and evaluations that were logged back to them."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tritext.registry import RegisteredVersion, is_registered, registry
from tritext.tables import read_json
from tritext_perf.version_report.errors import NotInRegistry
from tritext_perf.version_report.evidence import Document, Evidence, Registration, checked, read_training


def gather(source: str, *, name: str | None = None) -> Evidence:
    """What the registry holds about a version; of several builds the one called `name`, else the newest.

    Raises:
        TritextError: The registry does not answer, or does not know the version.
    """
    known = registry()
    version = known.resolve(source)
    training, false_predictions = read_training(known.download(version))
    builds = [_checked(path, "manifest") for path in known.artifacts(version, "builds")]
    evaluations = [_checked(path, "evaluation") for path in known.artifacts(version, "evaluations")]
    wanted = name.partition("/")[0] if name else None
    manifest = _newest([each for each in builds if wanted in (None, each["name"])], "built", "at")
    served = manifest["name"] if manifest else wanted
    return Evidence(
        title=str(version),
        checkpoint=str(version),
        training=training,
        false_predictions=false_predictions,
        manifest=manifest,
        evaluation=_newest([each for each in evaluations if served in (None, each["model"])], "created"),
        registration=_registration(version),
    )


def require_registered(source: str) -> None:
    """Refuse what no registry holds.

    Raises:
        NotInRegistry: It is a folder or a served version.
    """
    if not is_registered(source):
        raise NotInRegistry(source=source)


def log(source: str, page: Path) -> None:
    """Keep the page with the version in the registry.

    Raises:
        TritextError: It is no registered version, or the registry does not answer.
    """
    require_registered(source)
    known = registry()
    known.log_report(known.resolve(source), page)


def _checked(path: Path, kind: str) -> Document:
    return checked(read_json(path), kind, path.name)


def _newest(documents: list[Document], *keys: str) -> Document | None:
    """By a time that the documents carry; of equals, and where they carry none, the last."""

    def moment(document: Document) -> str:
        value: object = document
        for key in keys:
            value = value.get(key, "") if isinstance(value, dict) else ""
        return json.dumps(value)

    return max(reversed(documents), key=moment, default=None)


def _registration(version: RegisteredVersion) -> Registration:
    return Registration(version=str(version), run_id=version.run_id, url=_page(version))


def _page(version: RegisteredVersion) -> str:
    """The version's page, where a tracking server shows one; without the password that the address may carry."""
    parts = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", ""))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    path = parts.path.rstrip("/") + "/"
    return urlunsplit((parts.scheme, host, path, "", f"/models/{version.name}/versions/{version.version}"))
