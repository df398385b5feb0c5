"""Which version of each model is live, remembered in a file, so that every restart comes back with it. Asks no server."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tritext_serving.errors import BadLiveFile

FILE = ".tritext-live.json"
"""In the repository, unless another place is given. Triton takes no notice of files there."""


@dataclass(frozen=True, kw_only=True)
class Live:
    """A version that answers, and those that did before it and may come back, the last one last."""

    version: int
    rollback_to: tuple[int, ...] = ()


@dataclass(kw_only=True)
class LiveVersions:
    """The versions by model: what was remembered, and, for models never rolled out, what this server began with."""

    path: Path
    now: dict[str, Live] = field(default_factory=dict)
    _written: dict[str, Live] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "LiveVersions":
        """What the file says; nothing, where there is none.

        Raises:
            BadLiveFile: It cannot be read as what it should be.
        """
        if not path.exists():
            return cls(path=path)
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            found = {
                str(name): Live(version=int(row["version"]), rollback_to=tuple(map(int, row["rollback_to"])))
                for name, row in rows.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise BadLiveFile(path) from None
        return cls(path=path, now=dict(found), _written=dict(found))

    @property
    def versions(self) -> dict[str, int]:
        """What a start is to serve; models that came meanwhile and were never rolled out are none of them."""
        return {name: live.version for name, live in self.now.items() if live.version}

    def begin(self, served: Mapping[str, int]) -> None:
        """Take note of what the server begins with, which a restart must not change; the file is left as it is."""
        for name, version in served.items():
            if name not in self.now or self.now[name].version != version:
                self.now[name] = Live(version=version)

    def remember(self, name: str, live: Live) -> None:
        """Write it down, wholly or not at all.

        Raises:
            OSError: It cannot be written; until the end of this process it is remembered all the same.
        """
        self.now[name] = live
        written = {**self._written, name: live}
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            with aside.open("w", encoding="utf-8") as file:
                json.dump({key: _row(written[key]) for key in sorted(written)}, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        finally:
            with suppress(OSError):
                aside.unlink()
        self._written = written


def _row(live: Live) -> dict[str, object]:
    return {"version": live.version, "rollback_to": list(live.rollback_to)}
