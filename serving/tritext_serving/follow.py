"""What a running server does about rollouts: shows Triton new versions, and remembers which one has come to be live.

It decides nothing and loads nothing. Whoever rolls a version out asks Triton for that; here it is only noticed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritext_serving import repository as repositories
from tritext_serving.control import Control
from tritext_serving.errors import ServingError
from tritext_serving.families import ROLLBACK_TO
from tritext_serving.live import Live, LiveVersions
from tritext_serving.repository import MANIFEST, TOKENIZER
from tritext_serving.view import View

EVERY_S = 0.5
"""One question to Triton for its index, which takes it a millisecond."""


class Follower:
    """Looks at one started Triton, its view and its repository again and again."""

    def __init__(
        self,
        *,
        control: Control,
        view: View,
        repository: Path,
        live: LiveVersions,
        say: Callable[[str], None],
    ) -> None:
        self._control, self._view, self._repository = control, view, repository
        self._live, self._say = live, say
        self._complete = self._manifests()

    def look(self) -> None:
        """Once; whatever is not as it should be is looked at again the next time."""
        if (complete := self._manifests()) != self._complete:
            self._show_new()
            self._complete = complete
        for name, version in _serving(self._control, set(self._live.now)).items():
            if self._live.now[name].version != version:
                self._remember(name, version)

    def _manifests(self) -> frozenset[Path]:
        return frozenset(self._repository.glob(f"*{TOKENIZER}/*/{MANIFEST}"))

    def _show_new(self) -> None:
        try:
            found = repositories.read(self._repository, self._live.versions)
            self._view.beside.refresh(found)
        except (ServingError, OSError) as error:
            self._say(f"New versions in the repository cannot be shown to Triton yet. {error}")
        else:
            self._live.begin({name: 0 for name in found.live if name not in self._live.now})

    def _remember(self, name: str, version: int) -> None:
        live = Live(version=version, rollback_to=rollback_to(self._control.config(name)))
        try:
            self._live.remember(name, live)
        except OSError as error:
            self._say(
                f"{name} version {version} is live, but that cannot be written to {self._live.path} "
                f"({error.strerror}): when this server is stopped and started again, it will serve what the file says."
            )
            return
        self._view.beside.mark(name, version)
        self._say(f"{name} version {version} is live, and stays so when the server is started again.")


def _serving(control: Control, names: set[str]) -> dict[str, int]:
    """The version of each model that answers; none of a model that is just changing."""
    ready: dict[str, list[int]] = {}
    for state in control.index():
        if state.name in names and state.ready:
            ready.setdefault(state.name, []).append(int(state.version))
    return {name: versions[0] for name, versions in ready.items() if len(versions) == 1}


def rollback_to(config: dict[str, Any]) -> tuple[int, ...]:
    """The versions that were live before the one with this config, as Triton tells it."""
    listed = config.get("parameters", {}).get(ROLLBACK_TO, {}).get("string_value", "")
    return tuple(int(version) for version in listed.split(",") if version.isdecimal())
