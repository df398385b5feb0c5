"""What must hold before a version is published: measured on the served code, against the original checkpoint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoint
from .formats import RunGraph
from .model_config import Tensor
from .reference import Reference
from .runtime.encoding import Encoder, Line
from .tasks.task import Evaluation, Row, Scores

LOGIT_TOLERANCE = 1e-4
"""FP32 logits may differ from the original's by this much: another order of the same sums."""

AGREEMENT = 0.99
"""Share of decisions that a reduced precision must share with the original."""

METRIC_LOSS = 0.005
"""What a version may lose of the task's metric against the original on evaluation data: half a point."""

SCORE_TOLERANCE = {"fp32": 1e-5}
REDUCED_SCORE_TOLERANCE = 1e-2
"""How much a score may depend on the company of its row, by precision."""

BATCH = 8
"""Rows of a batch in the gates: lengths mix, so that shorter rows are padded."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One check: `measured` must be at most `limit` (or at least, where more is better)."""

    name: str
    what: str
    measured: float
    limit: float
    at_least: bool
    texts: int

    @property
    def passed(self) -> bool:
        # Written so that NaN fails.
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def sentence(self) -> str:
        """The check as a sentence with its figures."""
        relation = "at least" if self.at_least else "at most"
        return f"gate {self.name!r}: {self.what} is {self.measured:.3g}, must be {relation} {self.limit:g}"


class Candidate:
    """The version under test: the tokenizer step's own code before the graph in its own runtime."""

    def __init__(
        self, checkpoint: Checkpoint, encoder: Encoder, graph: RunGraph, outputs: Sequence[Tensor]
    ) -> None:
        self._checkpoint = checkpoint
        self._encoder = encoder
        self._graph = graph
        self._outputs = outputs

    def rows(self, lines: Sequence[Line], *, batch: int = BATCH) -> list[Row]:
        """The graph's outputs for each line, computed `batch` lines at a time in their order."""
        starts = range(0, len(lines), batch)
        return [row for start in starts for row in self._batch(lines[start : start + batch])]

    def _batch(self, lines: Sequence[Line]) -> Iterable[Row]:
        task = self._checkpoint.task
        encoded = self._encoder.encode(lines, truncate=task.truncate)
        extra = task.extra_inputs(self._checkpoint, encoded.inputs["input_ids"])
        outputs = self._graph({**encoded.inputs, **extra})
        for row, encoding in enumerate(encoded.encodings):
            yield {
                tensor.name: outputs[tensor.name][row, : len(encoding)]
                if tensor.dims[0] < 0
                else outputs[tensor.name][row]
                for tensor in self._outputs
            }


def fidelity(
    candidate: Candidate,
    reference: Reference,
    checkpoint: Checkpoint,
    *,
    precision: str,
    lines: Sequence[Line],
) -> list[Gate]:
    """Candidate against original, in padded batches of mixed lengths against one line at a time.

    The lines should differ in length; neighbours in the list share batches.
    """
    task = checkpoint.task
    mine, originals = candidate.rows(lines), reference.rows(lines)
    agreed = [
        task.agree(checkpoint, task.scores(row), task.scores(original)).reshape(-1)
        for row, original in zip(mine, originals, strict=True)
    ]
    gates = [
        Gate(
            name="labels",
            what="the share of decisions equal to the original's",
            measured=float(np.concatenate(agreed).mean()),
            limit=AGREEMENT,
            at_least=True,
            texts=len(lines),
        )
    ]
    if precision == "fp32":
        differences = _differences(map(task.logits, mine), map(task.logits, originals))
        what = "the largest difference from the original's logits"
        gates.append(_at_most("logits", what, differences, LOGIT_TOLERANCE, texts=len(lines)))
    return gates


def company(
    candidate: Candidate, checkpoint: Checkpoint, *, precision: str, lines: Sequence[Line]
) -> list[Gate]:
    """A line's scores alone against its scores in a batch: at every position, and in shuffled company."""
    limit = SCORE_TOLERANCE.get(precision, REDUCED_SCORE_TOLERANCE)
    scores = checkpoint.task.scores
    alone = [scores(row) for row in candidate.rows(lines, batch=1)]
    orders = [*_rotations(lines[:BATCH]), np.random.default_rng(0).permutation(len(lines))]
    differences = [
        _differences(
            map(scores, candidate.rows([lines[index] for index in order])), (alone[index] for index in order)
        )
        for order in orders
    ]
    what = "the most that a score changes with the other rows of its batch"
    return [_at_most("company", what, np.concatenate(differences), limit, texts=len(lines))]


def evaluation(candidate: Candidate, reference: Reference, data: Evaluation) -> list[Gate]:
    """The task's metric on labelled texts, lost against the original."""
    original = data.metric(reference.rows(data.lines))
    what = f"the {data.metric_name} lost against the original's {original:.4f}"
    return [
        Gate(
            name="evaluation",
            what=what,
            measured=original - data.metric(candidate.rows(data.lines)),
            limit=METRIC_LOSS,
            at_least=False,
            texts=len(data.lines),
        )
    ]


def failed(gates: Iterable[Gate]) -> list[Gate]:
    return [gate for gate in gates if not gate.passed]


def _differences(ours: Iterable[Scores], theirs: Iterable[Scores]) -> Scores:
    """The largest difference in each row."""
    pairs = zip(ours, theirs, strict=True)
    return np.array([np.abs(one - other).max(initial=0) for one, other in pairs], np.float32)


def _at_most(name: str, what: str, differences: Scores, limit: float, *, texts: int) -> Gate:
    measured = float(differences.max())
    return Gate(name=name, what=what, measured=measured, limit=limit, at_least=False, texts=texts)


def _rotations(lines: Sequence[Line]) -> list[npt.NDArray[np.int64]]:
    """Orders in which every line stands once at every position of one batch."""
    order = np.arange(len(lines))
    return [np.roll(order, shift) for shift in range(len(lines))]
