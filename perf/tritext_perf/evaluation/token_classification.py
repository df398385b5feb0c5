"""Token classification: entities by precision, recall and F1, as seqeval's.

A token of the data gets the tag of its first word piece, as is usual (Devlin et al. 2019,
https://aclanthology.org/N19-1423, section 5.3). What was cut off because the text is too long counts as outside.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.metrics import spans
from tritext.results import Entity
from tritext.tagged import OUTSIDE, TaggedText, read_tagged_texts
from tritext_perf.evaluation.evaluation import (
    Ask,
    Evaluation,
    Figures,
    Options,
    Served,
    largest_difference,
    share,
)
from tritext_perf.evaluation.labels import UnknownLabels

Tagged = tuple[tuple[str, ...], tuple[float, ...]]
"""The tag of each token, and its score."""


@dataclass(frozen=True, kw_only=True)
class TokenClassification(Evaluation):
    """Each answer is `Tagged`."""

    task = "token-classification"
    columns = ("text", "tokens", "tags", "spans")
    truth: tuple[TaggedText, ...]

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:  # noqa: ARG003
        data = read_tagged_texts(path, **options.named(*cls.columns))
        return cls(path=path, items=data.texts, truth=data.rows)

    def answers(self, ask: Ask) -> Iterator[Tagged]:
        found = ask(self.items, aggregation_strategy="none", ignore_labels=[])
        return (tags_of(row, pieces) for row, pieces in zip(self.truth, found, strict=True))

    def overall(self, answers: Sequence[Tagged]) -> Figures:
        self._check_types(answers)
        return spans.overall(self._expected, [tags for tags, _ in answers])

    def per_label(self, answers: Sequence[Tagged]) -> list[dict[str, Any]]:
        return spans.per_type(self._expected, [tags for tags, _ in answers])

    @property
    def _expected(self) -> list[tuple[str, ...]]:
        return [row.tags for row in self.truth]

    def _check_types(self, answers: Sequence[Tagged]) -> None:
        """Refuse data whose entities have no name in common with the answers', such as "PER" and "person"."""
        true = {entity.type for tags in self._expected for entity in spans.entities(tags)}
        given = {entity.type for tags, _ in answers for entity in spans.entities(tags)}
        if true and given and not true & given:
            raise UnknownLabels(path=self.path, unknown=sorted(true), known=sorted(given))

    def agreement(self, served: Sequence[Tagged], original: Sequence[Tagged]) -> Figures:
        pairs = list(zip(served, original, strict=True))
        return {
            "texts": share([one[0] == other[0] for one, other in pairs]),
            "tags": share([a == b for one, other in pairs for a, b in zip(one[0], other[0], strict=True)]),
            "largest_difference": max(largest_difference(one[1], other[1]) for one, other in pairs),
        }


def tags_of(row: TaggedText, pieces: Sequence[Entity]) -> Tagged:
    """The tag of each of the row's tokens: that of the first of the word pieces that lies in the token."""
    ends = [piece.end for piece in pieces]
    firsts = [bisect_right(ends, start) for start, _ in row.offsets]
    chosen = [
        pieces[first] if first < len(pieces) and pieces[first].start < end else None
        for first, (_, end) in zip(firsts, row.offsets, strict=True)
    ]
    return (
        tuple(piece.label if piece else OUTSIDE for piece in chosen),
        tuple(piece.score if piece else 0.0 for piece in chosen),
    )
