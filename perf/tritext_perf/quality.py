"""What the server says to the texts before the load comes: which it refuses, how long they are, how many it gets right.

It also wakes every step up, so that the first scenario does not measure first calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tritext.address import Address
from tritext.client import Client
from tritext.failures import IncompatibleModel, InvalidText
from tritext.results import Label
from tritext_perf.errors import EveryTextRefused
from tritext_perf.evaluation.labels import Probabilities, UnknownLabels, score
from tritext_perf.input_data import Texts, spread_of
from tritext_perf.server import ServedModel

PATIENCE_S = 300.0
"""Seconds that a request may take: all of them are sent together, and a large network on few cores takes its time."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The texts that can be sent, and what was learned about them. What the model does not tell is None."""

    texts: Texts
    """Without those that the server refuses: one failed request ends a run of perf_analyzer."""
    refused: int = 0
    tokens: dict[str, float] | None = None
    metrics: dict[str, float] | None = None
    remark: str = ""
    """Why there are no metrics although the texts have labels."""


def ask(address: Address, model: ServedModel, texts: Texts) -> Quality:
    """Send every text once.

    Raises:
        ClientError: The server does not answer.
        EveryTextRefused: No text is left.
    """
    with Client(str(address), timeout=PATIENCE_S) as client:
        try:
            answers = client.classify(
                model.name, list(texts.texts), top_k="all", errors="return", version=model.version
            )
        except IncompatibleModel:  # it takes text, and does something else with it
            return Quality(texts=texts)
        accepted = [row for row, answer in enumerate(answers) if not isinstance(answer, InvalidText)]
        if not accepted:
            raise EveryTextRefused(reason=str(answers[0]))
        kept = _only(texts, accepted)
        tokens = client.token_counts(model.name, list(kept.texts), version=model.version)
        metrics, remark = _metrics(kept, [answers[row] for row in accepted])
    return Quality(
        texts=kept,
        refused=len(texts) - len(kept),
        tokens=spread_of(tokens.tolist()),
        metrics=metrics,
        remark=remark,
    )


def _only(texts: Texts, rows: Sequence[int]) -> Texts:
    labels = tuple(texts.labels[row] for row in rows) if texts.labels else None
    return replace(texts, texts=tuple(texts.texts[row] for row in rows), labels=labels)


def _metrics(texts: Texts, answers: Sequence[Any]) -> tuple[dict[str, float] | None, str]:
    if texts.labels is None:
        return None, ""
    labels = sorted(label.label for label in answers[0])
    try:
        found = score(texts.labels, _probabilities(answers, labels), labels, multi_label=texts.multi_label)
    except UnknownLabels as error:
        return None, f"No accuracy: {error}"
    return {name: found[name] for name in ("accuracy", "macro_f1", "micro_f1")}, ""


def _probabilities(answers: Sequence[Sequence[Label]], labels: Sequence[str]) -> Probabilities:
    rows = [{label.label: label.score for label in answer} for answer in answers]
    return np.array([[row[label] for label in labels] for row in rows], np.float32)
