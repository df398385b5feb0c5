"""What must hold before a version is published: measured on the served code, against the original checkpoint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from .formats import RunGraph
from .graph import LOGITS, PROBABILITIES
from .reference import Reference
from .runtime.encoding import Encoder
from .tasks.task import Scores

LOGIT_TOLERANCE = 1e-4
"""FP32 logits may differ from the original's by this much: another order of the same sums."""

AGREEMENT = 0.99
"""Share of decisions that a reduced precision must share with the original."""

F1_LOSS = 0.005
"""Macro-F1 that a version may lose against the original on evaluation data: half a point."""

SCORE_TOLERANCE = {"fp32": 1e-5}
REDUCED_SCORE_TOLERANCE = 1e-2
"""How much a score may depend on the company of its text, by precision."""

BATCH = 8
"""Rows of a batch in the gates: lengths mix, so that shorter rows are padded."""

Logits = Scores


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

    def __init__(self, encoder: Encoder, graph: RunGraph) -> None:
        self._encoder = encoder
        self._graph = graph

    def outputs(self, texts: Sequence[str], *, batch: int = BATCH) -> tuple[Logits, Scores]:
        """Logits and scores, each FP32 [texts, labels], computed `batch` texts at a time in their order."""
        runs = [
            self._graph(self._encoder.encode(texts[at : at + batch]).inputs)
            for at in range(0, len(texts), batch)
        ]
        return tuple(np.concatenate([run[name] for run in runs]) for name in (LOGITS, PROBABILITIES))  # type: ignore[return-value]


def fidelity(
    candidate: Candidate, reference: Reference, *, precision: str, texts: Sequence[str]
) -> list[Gate]:
    """Candidate against original, in padded batches of mixed lengths against one text at a time.

    The texts should differ in length; neighbours in the list share batches.
    """
    logits, scores = candidate.outputs(texts)
    original, original_scores = reference.outputs(texts)
    agreement = (reference.decide(scores) == reference.decide(original_scores)).mean()
    gates = [
        Gate(
            name="labels",
            what="the share of decisions equal to the original's",
            measured=float(agreement),
            limit=AGREEMENT,
            at_least=True,
            texts=len(texts),
        )
    ]
    if precision == "fp32":
        gates.append(
            _at_most(
                "logits",
                "the largest difference from the original's logits",
                logits - original,
                LOGIT_TOLERANCE,
            )
        )
    return gates


def company(candidate: Candidate, *, precision: str, texts: Sequence[str]) -> list[Gate]:
    """A text's scores alone against its scores in a batch: at every position, and in shuffled company."""
    limit = SCORE_TOLERANCE.get(precision, REDUCED_SCORE_TOLERANCE)
    _, alone = candidate.outputs(texts, batch=1)
    positions = _rotations(texts[:BATCH])
    shuffled = np.random.default_rng(0).permutation(len(texts))
    differences = [
        candidate.outputs([texts[index] for index in order])[1] - alone[order] for order in positions
    ]
    differences.append(candidate.outputs([texts[index] for index in shuffled])[1] - alone[shuffled])
    what = "the most that a score changes with the other texts of its batch"
    return [_at_most("company", what, np.concatenate(differences), limit, texts=len(texts))]


def evaluation(
    candidate: Candidate, reference: Reference, texts: Sequence[str], truth: npt.NDArray[np.int64]
) -> list[Gate]:
    """Macro-F1 on labelled texts, lost against the original; `truth` has the shape of the decisions."""
    original = macro_f1(truth, reference.decide(reference.outputs(texts)[1]))
    reached = macro_f1(truth, reference.decide(candidate.outputs(texts)[1]))
    what = f"the macro-F1 lost against the original's {original:.4f}"
    return [
        Gate(
            name="evaluation",
            what=what,
            measured=original - reached,
            limit=F1_LOSS,
            at_least=False,
            texts=len(texts),
        )
    ]


def macro_f1(truth: npt.NDArray[np.int64], decided: npt.NDArray[np.int64]) -> float:
    """Macro-averaged F1 over labels that occur: https://scikit-learn.org, `f1_score(average="macro")`."""
    single = truth.shape[1] == 1
    pair = (truth[:, 0], decided[:, 0]) if single else (truth, decided)
    return float(f1_score(*pair, average="macro", zero_division=0.0))


def failed(gates: Iterable[Gate]) -> list[Gate]:
    return [gate for gate in gates if not gate.passed]


def _at_most(name: str, what: str, differences: Scores, limit: float, *, texts: int | None = None) -> Gate:
    measured = float(np.abs(differences).max())
    return Gate(
        name=name, what=what, measured=measured, limit=limit, at_least=False, texts=texts or len(differences)
    )


def _rotations(texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Orders in which every text stands once at every position of one batch."""
    order = np.arange(len(texts))
    return [np.roll(order, shift) for shift in range(len(texts))]
