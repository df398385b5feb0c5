"""A part, measured: all its systems run side by side and are measured in turn, so that whatever the machine does meets all."""

import itertools
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
from comparison.unfinished import Unfinished
from tritext_perf import facts

TOO_LATE_MS = 1000.0
"""A median latency at random arrivals that tells of a queue that grows."""

Tell = Callable[[str], None]

LIBRARIES = ("tritext", "nvidia-pytriton", "onnxruntime", "openvino", "torch", "tokenizers", "transformers")
"""Whose versions are told; those of peers stand in their remarks."""


@dataclass(frozen=True, kw_only=True)
class Care:
    """How long, and how often."""

    rounds: int
    seconds: float
    busy: bool = False
    """Whether the machine has other work meanwhile, so that only processor time means anything."""


def measure(
    part: Part,
    care: Care,
    labels: Mapping[str, Sequence[str]],
    tell: Tell,
    *,
    identity: str,
    raw_file: Path,
) -> None:
    """Measure a part and write its raw file: facts, systems, and every sample.

    Args:
        part: What is measured.
        care: How.
        labels: Of each mix, the original's label of each text.
        tell: Told what is being done.
        identity: Of the checkpoint.
        raw_file: Where it goes; what an interrupted run measured lies beside it and is not measured again.
    """
    unfinished = Unfinished.of(raw_file, {"identity": identity, **_plan(part, care)})
    samples = unfinished.samples()
    with ExitStack() as stack:
        systems, running = _started(part, labels, tell, stack)
        for number, case in itertools.product(range(care.rounds), part.cases):
            if any(_is_of(sample, number, case) for sample in samples):
                continue
            tell(f"{part.name}, round {number + 1} of {care.rounds}: {case}")
            met = {name: one for name, one in running.items() if _meets(systems[name], case)}
            in_time = {
                name: one for name, one in met.items() if not _fell_behind(samples, name, number, case)
            }
            samples += turn(in_time, case, care, number)
            unfinished.keep(samples)
    write({"identity": identity, **_document(part, care, systems), "samples": samples}, raw_file)
    unfinished.remove()


def _started(
    part: Part, labels: Mapping[str, Sequence[str]], tell: Tell, stack: ExitStack
) -> tuple[dict[str, Any], dict[str, Started]]:
    """What is to be said of each system, and those that run; all wait without working."""
    systems: dict[str, Any] = {}
    running: dict[str, Started] = {}
    for system in part.systems:
        facts = systems[system.name] = _facts(system)
        tell(f"{part.name}: starting {system.title}, {system.precision}")
        try:
            started = stack.enter_context(system.started())
            facts["quality"] = _quality(started, _mixes(part), labels)
            started.pause()
        except (Failed, OSError, ValueError, LookupError, TimeoutError) as problem:
            facts["failed"] = str(problem) or type(problem).__name__
        else:
            running[system.name] = started
    return systems, running


def _mixes(part: Part) -> dict[str, Mix]:
    return {case.mix.name: case.mix for case in part.cases}


def turn(running: Mapping[str, Started], case: Case, care: Care, number: int) -> list[dict[str, Any]]:
    """Each system once under one load, one after the other: what ratios are taken of."""
    return [
        {"round": number, "system": name, **_case(case), **_figures(started, case, care, seed=number)}
        for name, started in running.items()
    ]


def _meets(facts: Mapping[str, Any], case: Case) -> bool:
    return facts["kind"] != "ceiling" or case.has_ceiling


def _fell_behind(samples: Sequence[Mapping[str, Any]], name: str, number: int, case: Case) -> bool:
    """Whether a lower rate was too much in this round: at a higher one, its queue would only grow faster."""
    lower = (
        sample
        for sample in samples
        if sample["system"] == name and sample["round"] == number and 0 < sample["rate"] < case.rate
    )
    return any("failed" in sample or sample["errors"] or sample["p50"] > TOO_LATE_MS for sample in lower)


def _is_of(sample: Mapping[str, Any], number: int, case: Case) -> bool:
    return sample["round"] == number and all(sample[key] == value for key, value in _case(case).items())


def _plan(part: Part, care: Care) -> dict[str, Any]:
    """What makes samples of two runs comparable."""
    return {
        "seconds": care.seconds,
        "systems": [_facts(system) for system in part.systems],
        "cases": [_case(case) for case in part.cases],
        "texts": {name: mix.lengths for name, mix in _mixes(part).items()},
        "versions": _versions(),
    }


def _document(part: Part, care: Care, systems: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "part": part.name,
        "made": facts.now(),
        "machine": facts.machine_here(),
        "versions": _versions(),
        "checkpoint": part.checkpoint.name,
        "settings": asdict(care),
        "mixes": {
            name: {"count": len(mix.texts), "tokens": mix.lengths} for name, mix in _mixes(part).items()
        },
        "systems": systems,
    }


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in LIBRARIES}


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
