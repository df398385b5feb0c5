"""What the server says to the texts before the load comes: which it refuses, how long they are, how many it gets right.

It also wakes every step up, so that the first scenario does not measure first calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tritext.address import Address
from tritext.client import Client
from tritext.failures import IncompatibleModel, InvalidText
from tritext.results import Label
from tritext_perf.errors import EveryTextRefused
from tritext_perf.input_data import Texts, spread_of
from tritext_perf.server import ServedModel


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The texts that can be sent, and what was learned about them. What the model does not tell is None."""

    texts: Texts
    """Without those that the server refuses: one failed request ends a run of perf_analyzer."""
    refused: int = 0
    tokens: dict[str, float] | None = None
    accuracy: float | None = None
    """The share of texts whose best label is the file's; None without labels, or with another model's labels."""


def ask(address: Address, model: ServedModel, texts: Texts) -> Quality:
    """Send every text once.

    Raises:
        ClientError: The server does not answer.
        EveryTextRefused: No text is left.
    """
    with Client(str(address)) as client:
        try:
            answers = client.classify(model.name, texts.texts, errors="return", version=model.version)
        except IncompatibleModel:  # it takes text, and does something else with it
            return Quality(texts=texts)
        accepted = [row for row, answer in enumerate(answers) if not isinstance(answer, InvalidText)]
        if not accepted:
            raise EveryTextRefused(reason=str(answers[0]))
        kept = _only(texts, accepted)
        return Quality(
            texts=kept,
            refused=len(texts) - len(kept),
            tokens=spread_of(client.token_counts(model.name, kept.texts, version=model.version).tolist()),
            accuracy=_accuracy(kept, [answers[row] for row in accepted], client.labels(model.name)),
        )


def _only(texts: Texts, rows: Sequence[int]) -> Texts:
    labels = tuple(texts.labels[row] for row in rows) if texts.labels else None
    return replace(texts, texts=tuple(texts.texts[row] for row in rows), labels=labels)


def _accuracy(texts: Texts, answers: Sequence[Any], known: Sequence[str]) -> float | None:
    if texts.labels is None or texts.multi_label or not {row[0] for row in texts.labels} & set(known):
        return None
    right = [_best(answer) == labels[0] for answer, labels in zip(answers, texts.labels, strict=True)]
    return sum(right) / len(right)


def _best(answer: Sequence[Label]) -> str | None:
    return answer[0].label if answer else None
