"""What a part's raw file says: medians over the rounds, and ratios within each round."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


class Samples:
    """One part's raw file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.systems: Mapping[str, Mapping[str, Any]] = document["systems"]
        self.mixes: Mapping[str, Mapping[str, Any]] = document["mixes"]
        self._samples: Sequence[Mapping[str, Any]] = document["samples"]

    @classmethod
    def read(cls, path: Path) -> "Samples | None":
        """Of a raw file; None where there is none."""
        return cls(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def loads(self, kind: str) -> list[float]:
        """The numbers of `users`, or the `rate`s, of the part's cases."""
        return sorted({sample[kind] for sample in self._samples if sample[kind]})

    def of_kind(self, *kinds: str) -> list[str]:
        """The systems of some kinds that ran."""
        return [
            name for name, facts in self.systems.items() if facts["kind"] in kinds and "failed" not in facts
        ]

    def median(self, system: str, figure: str = "throughput", **case: Any) -> float | None:
        """Over the rounds; None where it was not measured."""
        found = list(self._of(system, figure, case).values())
        return statistics.median(found) if found else None

    def ratio(self, system: str, other: str, figure: str = "throughput", **case: Any) -> float | None:
        """The median of the rounds' ratios."""
        return _ratio(self._of(system, figure, case), self._of(other, figure, case))

    def growth(self, system: str, users: int, more: int) -> float | None:
        """The median of the rounds' ratios of one system's throughput under two numbers of users."""
        above, below = (self._of(system, "throughput", {"users": count}) for count in (more, users))
        return _ratio(above, below)

    def best(self, names: Sequence[str], **case: Any) -> str | None:
        """The one that answers most."""
        found = {name: self.median(name, **case) for name in names}
        return max((name for name in names if found[name]), key=lambda name: found[name] or 0.0, default=None)

    def errors(self, system: str) -> int:
        """Requests without a good answer, and loads that could not be measured."""
        own = [sample for sample in self._samples if sample["system"] == system]
        return sum(int(sample.get("errors", 1)) for sample in own)

    def _of(self, system: str, figure: str, case: Mapping[str, Any]) -> dict[int, float]:
        """By round."""
        return {
            int(sample["round"]): float(sample[figure])
            for sample in self._samples
            if sample["system"] == system
            and figure in sample
            and all(sample[name] == value for name, value in case.items())
        }


def _ratio(above: Mapping[int, float], below: Mapping[int, float]) -> float | None:
    """The median of the rounds' ratios; None where no round has both."""
    found = [above[number] / below[number] for number in above if below.get(number)]
    return statistics.median(found) if found else None
