"""Filling masks: how often the right word is the likeliest, or among the five likeliest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritext.records import read_labelled_texts
from tritext.results import Filled
from tritext_perf.errors import BadSetting
from tritext_perf.evaluation.evaluation import (
    Ask,
    Evaluation,
    Figures,
    Options,
    Served,
    largest_difference,
    share,
)

MOST = 5


@dataclass(frozen=True, kw_only=True)
class FillMask(Evaluation):
    """Texts whose label is the word in the place of the first mask; each answer is its likeliest words, best first."""

    task = "fill-mask"
    columns = ("text", "label")
    truth: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, served: Served, options: Options) -> Evaluation:  # noqa: ARG003
        data = read_labelled_texts(path, **options.named(*cls.columns))
        words = tuple(label for row in data.labels for label in row[:1])
        if len(words) != len(data):
            raise BadSetting(
                option="--label-column", got=data.label_column, expected="a column with one word in each row"
            )
        return cls(path=path, items=data.texts, truth=words)

    def answers(self, ask: Ask) -> Iterator[list[Filled]]:
        return (first for first, *_ in ask(self.items, top_k=MOST))

    def overall(self, answers: Sequence[list[Filled]]) -> Figures:
        rows = [(true, _words(answer)) for true, answer in zip(self.truth, answers, strict=True)]
        return {
            "accuracy": share([words[:1] == [true] for true, words in rows]),
            f"accuracy_at_{MOST}": share([true in words for true, words in rows]),
        }

    def agreement(self, served: Sequence[list[Filled]], original: Sequence[list[Filled]]) -> Figures:
        pairs = list(zip(served, original, strict=True))
        return {
            "words": share([_words(one) == _words(other) for one, other in pairs]),
            "largest_difference": max(
                largest_difference([each.score for each in one], [each.score for each in other])
                for one, other in pairs
            ),
        }


def _words(answer: Sequence[Filled]) -> list[str]:
    return [filled.token_str.strip() for filled in answer]
