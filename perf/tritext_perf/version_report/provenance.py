"""Where everything came from, by content: weights, base, data, and the registry's version with its run."""

from dataclasses import dataclass
from typing import Any

from tritext_perf.version_report import figures
from tritext_perf.version_report.evidence import Document, Evidence


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line: what it is, what is said of it, the sha256 of the content, and a page to go to."""

    name: str
    text: str
    sha256: str = ""
    link: str = ""


def facts(evidence: Evidence) -> list[Fact]:
    found = []
    if evidence.registration is not None:
        registration = evidence.registration
        found.append(Fact(name="registry", text=registration.version, link=registration.url))
        found.append(Fact(name="run", text=registration.run_id))
    elif run := (evidence.training or {}).get("tracking", {}).get("run_id"):
        found.append(Fact(name="run", text=str(run)))
    found += _of_build(evidence.manifest) if evidence.manifest else []
    found += _of_training(evidence.training) if evidence.training else []
    if evidence.evaluation is not None:
        found.append(_evaluated(evidence.evaluation))
    if evidence.bench is not None:
        found.append(_benched(evidence.bench))
    return found


def _of_build(manifest: Document) -> list[Fact]:
    built, checkpoint = manifest.get("built", {}), manifest.get("checkpoint", {})
    libraries = built.get("libraries", {})
    tool = f", tritext {libraries['tritext']}" if "tritext" in libraries else ""
    weights = [
        Fact(name="weights", text=f"{name}, {figures.size(file['bytes'])}", sha256=str(file["sha256"]))
        for name, file in checkpoint.get("files", {}).items()
        if name.endswith((".safetensors", ".bin"))
    ]
    return [
        Fact(name="built", text=f"{figures.moment(built.get('at', figures.DASH))}{tool}"),
        Fact(name="checkpoint", text=str(checkpoint.get("source", figures.DASH))),
        *weights,
    ]


def _of_training(training: Document) -> list[Fact]:
    base, data = training.get("base", {}), training.get("data", {})
    revision = f" at {base['revision']}" if base.get("revision") else ""
    files = [
        Fact(
            name=name.replace("_", " "),
            text=f"{file['path']}, {figures.number(file.get('rows'))} rows",
            sha256=str(file.get("sha256", "")),
        )
        for name, file in data.get("files", {}).items()
        if file
    ]
    return [
        Fact(name="trained", text=figures.moment(str(training.get("created", figures.DASH)))),
        Fact(
            name="base",
            text=f"{base.get('source', figures.DASH)}{revision}",
            sha256=str(base.get("sha256") or ""),
        ),
        *files,
    ]


def _evaluated(evaluation: Document) -> Fact:
    text = f"{evaluation.get('data', figures.DASH)}, {figures.number(evaluation.get('rows'))} rows"
    return Fact(name="evaluated on", text=text)


def _benched(bench: Document) -> Fact:
    data, machine = bench.get("data", {}), bench.get("machine", {})
    cores = f", {machine['usable_cores']} cores" if "usable_cores" in machine else ""
    where = f"{machine.get('cpu', 'unknown processor')}{cores}, {bench.get('date', '')[:10]}"
    text = f"{data.get('path', figures.DASH)}; {where}"
    return Fact(name="measured with", text=text, sha256=str(data.get("sha256", "")))


def files(evidence: Evidence) -> list[dict[str, Any]]:
    """The files of the version: path, size, sha256."""
    found = (evidence.manifest or {}).get("files", {})
    return [
        {"path": path, "size": figures.size(facts["bytes"]), "sha256": facts["sha256"]}
        for path, facts in found.items()
    ]
