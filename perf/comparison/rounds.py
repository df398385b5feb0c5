"""A part, measured: all its systems run side by side and are measured in turn, so that whatever the machine does meets all."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from comparison.parts import Case, Part
from comparison.processes import Failed
from comparison.system import Figures, Started, System
from comparison.texts import Mix
from tritext_perf import facts

Tell = Callable[[str], None]

LIBRARIES = ("tritext", "nvidia-pytriton", "onnxruntime", "openvino", "torch", "tokenizers", "transformers")
"""Whose versions are told; those of peers stand in their remarks."""


@dataclass(frozen=True, kw_only=True)
class Care:
    """How long, and how often."""

    rounds: int
    seconds: float


def measure(part: Part, care: Care, labels: Mapping[str, Sequence[str]], tell: Tell) -> dict[str, Any]:
    """The part's document: facts, systems, and every sample.

    Args:
        part: What is measured.
        care: How.
        labels: Of each mix, the original's label of each text.
        tell: Told what is being done.
    """
    mixes = {case.mix.name: case.mix for case in part.cases}
    systems: dict[str, Any] = {}
    samples: list[dict[str, Any]] = []
    with ExitStack() as stack:
        running: dict[str, Started] = {}
        for system in part.systems:
            systems[system.name] = _facts(system)
            tell(f"{part.name}: starting {system.title}, {system.precision}")
            try:
                running[system.name] = stack.enter_context(system.started())
                systems[system.name]["quality"] = _quality(running[system.name], mixes, labels)
                running[system.name].pause()
            except (Failed, OSError, ValueError, LookupError, TimeoutError) as problem:
                systems[system.name]["failed"] = str(problem) or type(problem).__name__
                running.pop(system.name, None)
        for number in range(care.rounds):
            for case in part.cases:
                for name, started in running.items():
                    if systems[name]["kind"] == "ceiling" and not case.has_ceiling:
                        continue
                    tell(
                        f"{part.name}, round {number + 1} of {care.rounds}: {case}: {systems[name]['title']}"
                    )
                    figures = _figures(started, case, care, seed=number)
                    samples.append({"round": number, "system": name, **_case(case), **figures})
    return {
        "part": part.name,
        "made": facts.now(),
        "machine": facts.machine_here(),
        "versions": {name: _version(name) for name in LIBRARIES},
        "checkpoint": part.checkpoint.name,
        "settings": asdict(care),
        "mixes": {name: {"count": len(mix.texts), "tokens": mix.lengths} for name, mix in mixes.items()},
        "systems": systems,
        "samples": samples,
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


def _figures(started: Started, case: Case, care: Care, *, seed: int) -> dict[str, Any]:
    started.resume()
    try:
        if case.users:
            seen: Figures = started.closed(case.mix.texts, users=case.users, seconds=care.seconds)
        else:
            seen = started.poisson(case.mix.texts, rate=case.rate, seconds=care.seconds, seed=seed)
    except (Failed, OSError, TimeoutError) as problem:
        return {"failed": str(problem) or type(problem).__name__}
    finally:
        started.pause()
    return asdict(seen)


def _facts(system: System) -> dict[str, Any]:
    return {
        "title": system.title,
        "kind": system.kind,
        "precision": system.precision,
        "remark": system.remark,
    }


def _case(case: Case) -> dict[str, Any]:
    return {"mix": case.mix.name, "users": case.users, "rate": case.rate}


def _quality(
    started: Started, mixes: Mapping[str, Mix], labels: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Shares of texts: answered as the original answers, and, where it is known, right."""
    found = {}
    for name, mix in mixes.items():
        answered = started.labels(mix.judged)
        found[name] = {"agreement": _share(answered, labels[name])}
        if mix.labels:
            found[name]["accuracy"] = _share(answered, mix.labels)
    return found


def _share(answered: Sequence[str | None], expected: Sequence[str]) -> float:
    return round(statistics.fmean(one == other for one, other in zip(answered, expected, strict=True)), 5)


def write(document: Mapping[str, Any], path: Path) -> None:
    """All at once, so that what is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
