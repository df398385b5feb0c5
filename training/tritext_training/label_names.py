"""Names for labels that the data give as numbers, as data sets with a list of names beside them do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tritext_training.errors import LabelWithoutName, NamesUnusable

MOST_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class LabelNames:
    """Number n is called by the n-th name from 0; without names, labels are called as they are."""

    names: tuple[str, ...] = ()

    def name_of(self, label: str, *, path: Path) -> str:
        """The label's name; `path` is for the error's sentence."""
        if not self.names or label in self.names:
            return label
        whole = label.isascii() and label.isdecimal() and len(label) <= MOST_DIGITS
        if not whole or int(label) >= len(self.names):
            raise LabelWithoutName(path=path, label=label, names=self.names)
        return self.names[int(label)]

    def ordered(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels in the order of their numbers."""
        return tuple(name for name in self.names if name in labels) or tuple(labels)


def label_names(given: str | None) -> LabelNames:
    """From names separated by commas, or from a file with a name a line."""
    if given is None:
        return LabelNames()
    file = Path(given).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig") if file.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise NamesUnusable(given=given, reason="the file cannot be read as UTF-8 text") from error
    names = [name.strip() for name in (given.split(",") if text is None else text.rstrip().split("\n"))]
    if not all(names) or len(set(names)) < len(names) or len(names) < 2:  # noqa: PLR2004
        raise NamesUnusable(given=given, reason="expected two or more different names, none of them empty")
    return LabelNames(names=tuple(names))
