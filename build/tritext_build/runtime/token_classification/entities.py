"""Scores of tokens to entities, as `transformers.pipeline("token-classification")` finds them. Knows nothing of Triton.

See https://huggingface.co/docs/transformers/main_classes/pipelines, class TokenClassificationPipeline, for what
the aggregation strategies mean.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from ..functions import Floats
from .words import Indices, Tokens, Words

Entity = dict[str, Any]


class Tagset:
    """The labels by output index, read as B- (begins an entity) or I- (may continue one) before a tag."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.groups = tuple(label.split("-", 1)[-1] for label in labels)
        tags = [label[2:] if label.startswith(("B-", "I-")) else label for label in labels]
        self._tags = np.array([tags.index(tag) for tag in tags])
        self._begins = np.array([label.startswith("B-") for label in labels])

    def begin(self, best: Indices) -> Indices:
        """Where in a sequence of labels an entity begins."""
        tags = self._tags[best]
        begins = self._begins[best] | (tags != np.roll(tags, 1))
        begins[:1] = True
        return np.flatnonzero(begins)


def means(values: Floats, begins: Indices) -> Floats:
    """The means of the runs of `values` [n, …] that begin at `begins`."""
    lengths = np.diff(begins, append=len(values)).astype(np.float32)
    means: Floats = np.add.reduceat(values, begins) / lengths.reshape(-1, *[1] * (values.ndim - 1))
    return means


def _first(scores: Floats, begins: Indices) -> Floats:
    firsts: Floats = scores[begins]
    return firsts


def _max(scores: Floats, begins: Indices) -> Floats:
    """The scores of each word's surest token, the first of several."""
    best = scores.max(axis=-1)
    words = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(scores)))
    surest = np.flatnonzero(best == np.maximum.reduceat(best, begins)[words])
    _, firsts = np.unique(words[surest], return_index=True)
    of_words: Floats = scores[surest[firsts]]
    return of_words


WORD_SCORES: dict[str, Callable[[Floats, Indices], Floats]] = {
    "first": _first,
    "average": means,
    "max": _max,
}
"""How words get their scores [words, labels] from those of their tokens [tokens, labels], by aggregation strategy."""

AGGREGATION_STRATEGIES = ("none", "simple", *WORD_SCORES)


def tagged_tokens(
    tokens: Tokens, scores: Floats, *, words: Words, tagset: Tagset, ignored: Collection[str]
) -> list[Entity]:
    """Every token by itself, without those of `ignored` labels; `scores` are FP32 [tokens, labels]."""
    best, sure = scores.argmax(axis=-1), scores.max(axis=-1)
    return [
        {
            "entity": tagset.labels[best[token]],
            "score": float(sure[token]),
            "index": int(tokens.positions[token]),
            "word": words.strings(tokens, token, token + 1)[0],
            "start": int(tokens.starts[token]),
            "end": int(tokens.ends[token]),
        }
        for token in range(len(best))
        if tagset.labels[best[token]] not in ignored
    ]


def grouped_entities(
    tokens: Tokens, scores: Floats, strategy: str, *, words: Words, tagset: Tagset, ignored: Collection[str]
) -> list[Entity]:
    """Neighbours of one tag as one entity, by any strategy but "none"; `scores` are FP32 [tokens, labels].

    With "simple" tokens are neighbours, with the others words, each of one label and score.
    """
    simple = strategy == "simple"
    begins = np.arange(len(scores)) if simple else words.begin(tokens)
    of_units = scores if simple else WORD_SCORES[strategy](scores, begins)
    best, sure = of_units.argmax(axis=-1), of_units.max(axis=-1)
    firsts = tagset.begin(best)
    edges = np.append(begins, len(scores))
    entities: list[Entity] = []
    for first, last, score in zip(firsts, np.append(firsts[1:], len(best)), means(sure, firsts), strict=True):
        group, start, end = tagset.groups[best[first]], edges[first], edges[last]
        if group in ignored:
            continue
        word = words.read(tokens, start, end) if simple else words.read_words(tokens, edges[first : last + 1])
        entities.append(
            {
                "entity_group": group,
                "score": float(score),
                "word": word,
                "start": int(tokens.starts[start]),
                "end": int(tokens.ends[end - 1]),
            }
        )
    return entities


def merged(windows: Sequence[Sequence[Entity]]) -> list[Entity]:
    """The entities of a text's windows. Of those that overlap, the longest stays, of equally long ones the surest."""
    entities = [entity for window in windows for entity in window]
    if len(windows) == 1 or not entities:
        return entities
    entities.sort(key=lambda entity: entity["start"])
    kept, last = [], entities[0]
    # The first one meets itself, as in the pipeline: where it is empty it stands there twice.
    for entity in entities:
        if last["start"] <= entity["start"] < last["end"]:
            last = max(last, entity, key=lambda one: (one["end"] - one["start"], one["score"]))
        else:
            kept.append(last)
            last = entity
    return [*kept, last]
