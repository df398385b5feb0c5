"""What one server serves of one model, and what else of it is loaded there. Only reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tritext_serving import naming
from tritext_serving.control import Control, ModelState
from tritext_serving.errors import Refused
from tritext_serving.follow import rollback_to
from tritext_serving.rollouts.errors import CannotControl, UnknownModel

ANSWERING = {"READY", "UNLOADING"}
"""States of a version that may still have requests to answer."""

HELD = {"READY", "LOADING"}
"""States of a model that takes memory until somebody unloads it."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """One model on one server at one moment.

    Attributes:
        version: Answers clients; None if none does.
        leaving: Versions of the ensemble that still answer what was asked of them before.
        steps: The models that the live version is made of.
        versions: Those that the server has complete, the live one included.
        remembered: The version that a restart comes back with.
        explained: The version that its explanations are of.
        explainable: The versions that have explanations.
        leftovers: Models that take memory and no client is answered by, ensembles first.
        loading: Whether any of them is still being loaded, for a rollout that was cut off.
    """

    name: str
    url: str
    version: int | None
    leaving: tuple[int, ...]
    steps: frozenset[str]
    rollback_to: tuple[int, ...]
    versions: tuple[int, ...]
    remembered: int | None
    explained: int | None
    explainable: tuple[int, ...]
    leftovers: tuple[str, ...]
    loading: bool

    def sentence(self) -> str:
        """What clients get."""
        return f"{self.url} serves {f'version {self.version}' if self.version else 'no version'} of {self.name!r}"


def look(control: Control, name: str, index: list[ModelState] | None = None) -> Served:
    """Ask the server about a model; `index` is what it has just said of all of them.

    Raises:
        Unreachable: Nobody answers.
        CannotControl: The server keeps no versions.
        UnknownModel: It has no such model.
    """
    states = control.index() if index is None else index
    names = [state.name for state in states]
    versions = naming.versions_of(name, names)
    if not versions:
        _refuse(control, name, names)
    config = _config(control, name)
    version = _live(name, states, config)
    steps = frozenset(step["model_name"] for step in config.get("ensemble_scheduling", {}).get("step", []))
    explain = f"{name}_{naming.EXPLAIN}"
    leftovers = _leftovers(name, states, steps)
    return Served(
        name=name,
        url=control.url,
        version=version,
        leaving=tuple(v for v in _versions(name, states, ANSWERING) if v != version),
        steps=steps,
        rollback_to=rollback_to(config),
        versions=versions,
        remembered=naming.remembered(name, names),
        explained=max(_versions(explain, states, {"READY"}), default=None),
        explainable=naming.versions_of(explain, names),
        leftovers=tuple(sorted(leftovers, key=_ensembles_first)),
        loading=any(state.name in leftovers and state.state == "LOADING" for state in states),
    )


def known(names: Iterable[str]) -> list[str]:
    """The ensembles whose versions the server keeps."""
    found = {plain for plain, version in map(naming.split, names) if version}
    return sorted(model for model in found if not model.endswith(naming.parts("")))


def _refuse(control: Control, name: str, names: Iterable[str]) -> None:
    models = known(names)
    if not models:
        raise CannotControl(url=control.url, reason="it has no versions beside the live ones")
    raise UnknownModel(name=name, url=control.url, known=models)


def _config(control: Control, name: str) -> dict[str, Any]:
    try:
        return control.config(name)
    except Refused:
        return {}


def _live(name: str, states: Iterable[ModelState], config: dict[str, Any]) -> int | None:
    """While Triton changes from one version to the other, both are ready; the config is that of the one to come."""
    ready = _versions(name, states, {"READY"})
    chosen = config.get("version_policy", {}).get("specific", {}).get("versions", [])
    return next((version for version in ready if version in map(int, chosen)), max(ready, default=None))


def _versions(name: str, states: Iterable[ModelState], wanted: set[str]) -> list[int]:
    return [int(s.version) for s in states if s.name == name and s.version and s.state in wanted]


def _leftovers(name: str, states: Iterable[ModelState], steps: frozenset[str]) -> set[str]:
    parts = naming.parts(name)
    explain = f"{name}_{naming.EXPLAIN}"
    return {
        state.name
        for state in states
        if state.state in HELD
        and state.name not in {name, explain, *steps}
        and naming.split(state.name)[0] in {name, *parts}
    }


def _ensembles_first(model: str) -> tuple[bool, str]:
    """What asks other models goes before what is asked."""
    plain, _ = naming.split(model)
    return plain.endswith(tuple(f"_{step}" for step in naming.STEPS)), model
