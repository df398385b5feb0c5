"""Building from the registry: a registered version becomes the Triton version of the same number, and hears how it went."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tritext.registry import RegisteredVersion, is_registered, registry

from .errors import AlreadyBuilt, GateFailed, OtherVersion, VersionExists
from .manifest import Manifest

if TYPE_CHECKING:
    from .building import BuildRequest


@dataclass
class Outcome:
    """Set by the build when it has one."""

    manifest: Manifest | None = None


def settled(request: "BuildRequest") -> tuple["BuildRequest", RegisteredVersion | None]:
    """The request with alias, name and version filled in from the registry, where it asks for a registered version.

    Raises:
        OtherVersion: Another version number was asked for than the registered one.
        RegistryError: The registry does not know it, or does not answer.
    """
    if not is_registered(request.checkpoint):
        return request, None
    found = registry().resolve(request.checkpoint)
    if request.version not in (None, found.version):
        raise OtherVersion(source=str(found), version=request.version)
    name = request.name or found.name
    return replace(request, checkpoint=str(found), name=name, version=found.version), found


@contextmanager
def reported(request: "BuildRequest", found: RegisteredVersion | None) -> Iterator[Outcome]:
    """Tell the registry of the build within: its manifest, or the gates that did not hold."""
    outcome = Outcome()
    try:
        yield outcome
    except VersionExists as error:
        if found is None:
            raise
        raise AlreadyBuilt(source=str(found), name=request.name, repository=request.repository) from error
    except GateFailed as error:
        if found is not None:
            registry().set_tags(found, {"gates": f"failed: {error}"})
        raise
    if found is not None and outcome.manifest is not None:
        registry().log_build(found, outcome.manifest.as_dict())
