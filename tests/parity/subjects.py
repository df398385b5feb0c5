"""What cells are made of: a case with a family, its checkpoint, and why some have none.

Knows neither builds nor servers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.parity.cases import CASES, Case
from tests.parity.corpus import DATA
from tests.support.families import FAMILIES, make
from tritext.checkpoints import locate

MINILM = "minilm"
"""The real checkpoint beside the tiny ones."""

VOCABULARIES = {
    "bert": "bert-base-uncased",
    "bert-cased": "bert-base-cased",
    "bert-multilingual": "bert-base-multilingual-cased",
    "bert-chinese": "bert-base-chinese",
    "roberta": "roberta-base",
}
"""Real ones, where they are on this machine; the others are learnt on the spot."""

SEEDS = {("text-ranking", "deberta-v2"): 2}
"""Where the usual random weights push all scores to one end, so that everything is tied with everything."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A case with a family, by their names."""

    case_name: str
    family: str

    @property
    def case(self) -> Case:
        return CASES[self.case_name]

    @property
    def model_name(self) -> str:
        words = "".join(letter if letter.isalnum() else "_" for letter in f"{self.case_name}_{self.family}")
        return words.replace("__", "_")

    @property
    def missing(self) -> str | None:
        """Why there is no such checkpoint, if there is none."""
        if self.family == MINILM and self.case.head != "encoder":
            return "MiniLM's checkpoint is an encoder without a head for this"
        return None

    def checkpoint(self, folder: Path, *, data: Path | None = DATA) -> Path:
        """The folder of its checkpoint, which is made under `folder` unless it is a real one."""
        if self.family == MINILM:
            return locate(MINILM)
        real = data / "vocabs" / VOCABULARIES[self.family] if data and self.family in VOCABULARIES else None
        vocabulary = real if real and real.is_dir() else None
        return make(
            folder / self.model_name,
            family=self.family,
            head=self.case.head,
            vocabulary=vocabulary,
            seed=SEEDS.get((self.case_name, self.family), 0),
        )


def subjects(*, tasks: tuple[str, ...] = (), families: tuple[str, ...] = ()) -> Iterator[Subject]:
    """All cases of all families, or only those of some tasks (or cases) and families."""
    for family in (*FAMILIES, MINILM):
        for name, case in CASES.items():
            if (not tasks or {name, case.task} & set(tasks)) and (not families or family in families):
                yield Subject(case_name=name, family=family)
