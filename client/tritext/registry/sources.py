"""How a registered version is written: `models:/NAME/7`, `models:/NAME@alias`, `models:/NAME`. Knows no registry."""

import re
from dataclasses import dataclass

from tritext.registry.errors import BadName, NotASource

PREFIX = "models:/"

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_SOURCE = re.compile(rf"models:/(?P<name>{_NAME})(/(?P<version>[1-9][0-9]*)|@(?P<alias>[\w.-]+))?")


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """One version of a registered model, and the run that it came from: empty where another tool registered it."""

    name: str
    version: int
    run_id: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.name}/{self.version}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What was asked for: a version, an alias, or neither, which means the newest."""

    name: str
    version: int | None
    alias: str | None


def is_registered(source: str) -> bool:
    """Whether `source` is meant as a registered version."""
    return source.startswith("models:")


def parse(source: str) -> Source:
    """The parts of `source`.

    Raises:
        NotASource: It is written otherwise.
    """
    found = _SOURCE.fullmatch(source)
    if found is None:
        raise NotASource(source=source)
    version = found["version"]
    return Source(name=found["name"], version=int(version) if version else None, alias=found["alias"])


def checked_name(name: str) -> str:
    """The name itself, if it may become a registered model's.

    Raises:
        BadName: It may not.
    """
    if not re.fullmatch(_NAME, name):
        raise BadName(name=name)
    return name
