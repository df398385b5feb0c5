"""What was measured of a part that is not finished, kept after every case, so that an interrupted run goes on where it was."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Sample = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A file beside the raw file; what it holds counts only for the same plan."""

    path: Path
    plan: Mapping[str, Any]
    """Everything that must be equal for samples of two runs to stand in one file."""

    @classmethod
    def of(cls, raw_file: Path, plan: Mapping[str, Any]) -> "Unfinished":
        return cls(path=raw_file.with_suffix(".unfinished"), plan=plan)

    def samples(self) -> list[Sample]:
        """Of whole cases; none where another plan was followed."""
        if not self.path.is_file():
            return []
        document = json.loads(self.path.read_text(encoding="utf-8"))
        return list(document["samples"]) if document["plan"] == self.plan else []

    def keep(self, samples: Sequence[Sample]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".tmp")
        new.write_text(json.dumps({"plan": self.plan, "samples": samples}), encoding="utf-8")
        new.replace(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
