"""Zero-shot classification: accuracy and F1 over candidate labels, which are the labels of the data or each row's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tritext.columns import Column, pick, table_for
from tritext.records import label, labelled, labelled_rows, text
from tritext.results import ZeroShot
from tritext_perf.evaluation import labels
from tritext_perf.evaluation.evaluation import (
    Ask,
    Evaluation,
    Figures,
    Options,
    Served,
    largest_difference,
    share,
)

CANDIDATES = Column(kind="candidate labels", usual=("candidate_labels", "candidates"), optional=True)

Scores = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ZeroShotClassification(Evaluation):
    """Items are texts with their candidate labels; each answer is the candidates' scores, in their order."""

    task = "zero-shot-classification"
    columns = ("text", "label", "candidate_labels")
    truth: tuple[tuple[str, ...], ...]
    multi_label: bool
    threshold: float
    hypothesis_template: str | None

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:  # noqa: ARG003
        texts, truth = text(options.columns.get("text")), label(options.columns.get("label"))
        own = replace(CANDIDATES, asked=options.columns.get("candidate_labels"))
        table = table_for(path, texts, truth, own)
        data = labelled(labelled_rows(pick(path, table, texts, truth), separator=options.label_separator))
        candidates = [cell.words(options.label_separator) for (cell,) in pick(path, table, own)]
        items = [(one, names or data.label_names) for one, names in zip(data.texts, candidates, strict=True)]
        for (_, names), true in zip(items, data.labels, strict=True):
            labels.check_labels([true], names, path=path)
        return cls(
            path=path,
            items=items,
            truth=data.labels,
            multi_label=data.multi_label,
            threshold=options.threshold,
            hypothesis_template=options.hypothesis_template,
        )

    def answers(self, ask: Ask) -> Iterator[Scores]:
        options: dict[str, Any] = {"multi_label": self.multi_label}
        if self.hypothesis_template is not None:
            options["hypothesis_template"] = self.hypothesis_template
        found = ask(self.items, **options)
        return (_in_order(answer, names) for answer, (_, names) in zip(found, self.items, strict=True))

    def overall(self, answers: Sequence[Scores]) -> Figures:
        if (names := self._shared_candidates) is not None:
            return labels.score(
                self.truth,
                np.array(answers, np.float32),
                names,
                multi_label=self.multi_label,
                threshold=self.threshold,
            )
        decided = (
            self._decided(names, scores) for (_, names), scores in zip(self.items, answers, strict=True)
        )
        return {
            "accuracy": share([set(true) == given for true, given in zip(self.truth, decided, strict=True)])
        }

    def per_label(self, answers: Sequence[Scores]) -> list[dict[str, Any]]:
        if (names := self._shared_candidates) is None:
            return []
        given = labels.decide(
            np.array(answers, np.float32), multi_label=self.multi_label, threshold=self.threshold
        )
        return labels.per_label(
            labels.truth_of(self.truth, names, multi_label=self.multi_label), given, names
        )

    @property
    def _shared_candidates(self) -> tuple[str, ...] | None:
        """The candidate labels, where they are the same for all texts."""
        first: tuple[str, ...] = self.items[0][1]
        return first if all(names == first for _, names in self.items) else None

    def _decided(self, names: Sequence[str], scores: Scores) -> set[str]:
        if self.multi_label:
            return {name for name, score in zip(names, scores, strict=True) if score >= self.threshold}
        return {names[int(np.argmax(scores))]}

    def agreement(self, served: Sequence[Scores], original: Sequence[Scores]) -> Figures:
        rows = [(names, *both) for (_, names), *both in zip(self.items, served, original, strict=True)]
        return {
            "labels": share(
                [self._decided(names, one) == self._decided(names, other) for names, one, other in rows]
            ),
            "largest_difference": max(largest_difference(one, other) for _, one, other in rows),
        }


def _in_order(answer: ZeroShot, names: Sequence[str]) -> Scores:
    scores = dict(zip(answer.labels, answer.scores, strict=True))
    return tuple(scores[name] for name in names)
