"""A batch in several runs of few tokens each, whose numbers stay in the processor's caches. Knows no library."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tritext_serving.backends.config import ModelSettings, TensorSpec
from tritext_serving.backends.runner import Array, Runner

PARAMETER = "tokens_per_run"
"""In a network's config: the most tokens of a run of several rows; 0 runs every batch as it is."""

MASK = "attention_mask"


def in_runs(runner: Runner, settings: ModelSettings, device: int | None, tokens: int) -> Runner:
    """The same network in runs of few tokens, where the processor computes it and an input says where tokens are.

    `tokens` is how many where the config does not say.
    """
    tokens = settings.integer(PARAMETER, tokens)
    if tokens < 0:
        raise ValueError(f"parameter {PARAMETER!r} must be 0 or a number of tokens, not {tokens}")
    mask = next(filter(_is_mask, settings.inputs.values()), None)
    if mask is None or device is not None or settings.max_batch_size <= 1 or tokens == 0:
        return runner
    return InRuns(runner, mask.name, tokens)


def _is_mask(given: TensorSpec) -> bool:
    """Whether it counts the tokens of every row; TorchScript's inputs have their position behind their name."""
    is_named_so = given.name.split("__")[0] == MASK
    is_of_rows = not given.optional and len(given.dims[1:]) == 1
    return is_named_so and is_of_rows and np.issubdtype(given.dtype, np.integer)


class InRuns(Runner):
    """Computes rows of like length together, at most `tokens` at a time: a batch's rows know nothing of each other."""

    def __init__(self, runner: Runner, mask: str, tokens: int) -> None:
        self._runner, self._mask, self._tokens = runner, mask, tokens

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        runs = divided(inputs[self._mask].sum(axis=1), self._tokens)
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
