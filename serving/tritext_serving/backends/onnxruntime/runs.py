"""A batch in several runs of few tokens each, whose numbers stay in the processor's caches. Knows no library."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.runner import Array, Runner

PARAMETER = "tokens_per_run"
"""In a network's config: the most tokens of a run of several rows; 0 runs every batch as it is."""

DEFAULT_TOKENS = 512

MASK = "attention_mask"


def in_runs(runner: Runner, settings: ModelSettings, device: int | None) -> Runner:
    """The same network in runs of few tokens, where the processor computes it and its inputs say where tokens are."""
    tokens = settings.integer(PARAMETER, DEFAULT_TOKENS)
    divides = device is None and tokens > 0 and settings.max_batch_size > 1 and _counts_tokens(settings)
    return InRuns(runner, tokens) if divides else runner


def _counts_tokens(settings: ModelSettings) -> bool:
    mask = settings.inputs.get(MASK)
    return (
        mask is not None
        and not mask.optional
        and len(mask.dims[1:]) == 1
        and np.issubdtype(mask.dtype, np.integer)
    )


class InRuns(Runner):
    """Computes rows of like length together, at most `tokens` at a time: a batch's rows know nothing of each other."""

    def __init__(self, runner: Runner, tokens: int) -> None:
        self._runner, self._tokens = runner, tokens

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        runs = divided(inputs[MASK].sum(axis=1), self._tokens)
        if len(runs) == 1:
            return self._runner.run(inputs, outputs)
        answers = [
            self._runner.run({name: array[rows] for name, array in inputs.items()}, outputs) for rows in runs
        ]
        return [_joined(runs, parts) for parts in zip(*answers, strict=True)]


def divided(lengths: npt.NDArray[np.int64], tokens: int) -> list[npt.NDArray[np.intp]]:
    """The rows of each run, the shortest first: as many as have at most `tokens`, all padded to the longest, or one alone.

    `lengths` [rows] are the rows' tokens. Padding counts because some graphs compute it; for others it is little, among
    rows of like length.
    """
    order = np.argsort(lengths, kind="stable")
    firsts = [0]
    for row, length in enumerate(lengths[order].tolist()):
        if row > firsts[-1] and (row + 1 - firsts[-1]) * length > tokens:
            firsts.append(row)
    return np.split(order, firsts[1:])


def _joined(runs: Sequence[npt.NDArray[np.intp]], parts: Sequence[Array]) -> Array:
    """One output of all rows. A run's may be as wide as its longest row only: narrower ones are filled up with zeros."""
    widest = np.max([part.shape[1:] for part in parts], axis=0).astype(int)
    whole = np.zeros((sum(map(len, runs)), *widest), parts[0].dtype)
    for rows, part in zip(runs, parts, strict=True):
        corner = (rows, *(slice(size) for size in part.shape[1:]))
        whole[corner] = part
    return whole
