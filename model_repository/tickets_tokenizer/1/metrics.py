"""What Triton's page of metrics says of the texts: how many, how long, how many cut, which refused and why.

Knows counters and answers; knows nothing of tokenizers. Numbers go to Triton once a second, and no text does.
"""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import ctypes
import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import triton_python_backend_utils as pb_utils

from .requests import REASONS, BadRequest, Tensors

TEXTS = "tritext_texts_total"
TOKENS = "tritext_tokens_total"
TRUNCATED = "tritext_truncated_texts_total"
REJECTED = "tritext_rejected_rows_total"

DESCRIPTIONS = {
    TEXTS: "Texts that were tokenized; with its pair, its question or its label a text counts once for each",
    TOKENS: "Their tokens before truncation, special tokens included",
    TRUNCATED: "Texts that were longer than the model takes, and were cut",
    REJECTED: "Rows that were refused, by reason; a refused request counts once, for the row that its answer names",
}


PERIOD = 1.0
"""Seconds between two messages to Triton, each of which takes it as long as tokenizing a few texts."""


class Metrics:
    """The counters of one model version; `args` are what Triton tells its step. Where Triton keeps no metrics, it counts for nobody."""

    def __init__(self, args: dict[str, str], *, max_length: int = 0) -> None:
        self._max_length = max_length
        self._families = _families()
        labels = {"model": plain_name(args["model_name"]), "version": args["model_version"]}
        self._counters = dict(_counters(self._families, labels))
        _keep_forever((*self._families.values(), *self._counters.values()))
        self._counted: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._ending = threading.Event()
        self._sender = threading.Thread(target=self._send_again_and_again, name="metrics", daemon=True)
        if self._counters:
            self._sender.start()

    def count(self, asked: Sequence[Any], answers: Sequence[Tensors | BadRequest]) -> None:
        """Count a batch: what each request asked for, and what it was answered."""
        if self._counters:
            counted = self._of(asked, answers)
            with self._counting:
                self._counted.update(counted)

    def count_refused(self, answers: Sequence[Any]) -> None:
        """Count the refusals among the answers of a step that tokenizes nothing."""
        refused = [answer for answer in answers if isinstance(answer, BadRequest)]
        if refused:
            self.count(refused, refused)

    def close(self) -> None:
        """Send what was counted last."""
        self._ending.set()
        if self._sender.is_alive():
            self._sender.join()

    def _send_again_and_again(self) -> None:
        while not self._ending.wait(PERIOD):
            self._send()
        self._send()

    def _send(self) -> None:
        with self._counting:
            counted, self._counted = self._counted, Counter()
        for name, amount in counted.items():
            if amount:
                self._counters[name].increment(amount)

    def _of(self, asked: Sequence[Any], answers: Sequence[Tensors | BadRequest]) -> Counter[str]:
        # A request has a few texts: lists are faster here than arrays.
        counted: Counter[str] = Counter()
        for ask, answer in zip(asked, answers, strict=True):
            if isinstance(answer, BadRequest):
                counted[answer.reason] += 1
                continue
            counts, limit = answer["TOKEN_COUNT"].ravel().tolist(), self._limit(ask)
            counted[TEXTS] += len(counts)
            counted[TOKENS] += sum(counts)
            counted[TRUNCATED] += sum(count > limit for count in counts)
        return counted

    def _limit(self, ask: Any) -> float:
        """The length at which a request's texts are cut; windows cut nothing."""
        cuts = getattr(ask, "truncation", "truncate") == "truncate"
        return getattr(ask, "max_seq_len", self._max_length) if cuts else math.inf


def _keep_forever(objects: Iterable[Any]) -> None:
    """Let nothing ever destroy Triton's objects, neither we nor the interpreter's end.

    Their destructors ask for memory that the process has given back by then, and crash it whenever the model is
    unloaded; earlier, while the process still serves, they spoil tritonserver's own memory. (Tried on 2.51.)
    """
    for one in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))


def plain_name(step: str) -> str:
    """The model's name as clients know it, from its step's, which may say the version: `tickets_tokenizer@3`."""
    return step.partition("@")[0].rpartition("_")[0]


def _counters(families: dict[str, Any], labels: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Triton's counters by name, those of refusals by reason."""
    for name, family in families.items():
        if name != REJECTED:
            yield name, family.Metric(labels=labels)
            continue
        for reason in REASONS:
            yield reason, family.Metric(labels={**labels, "reason": reason})


def _families() -> dict[str, Any]:
    """The counters' names to Triton's families; none with a Triton that is too old for them, or keeps none."""
    family = getattr(pb_utils, "MetricFamily", None)
    if family is None:
        return {}
    try:
        return {
            name: family(name=name, description=description, kind=family.COUNTER)
            for name, description in DESCRIPTIONS.items()
        }
    except pb_utils.TritonModelException:
        return {}
