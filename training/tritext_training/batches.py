"""Which rows make an update, and which of them this process computes now.

An update's rows do not depend on how many processes there are, nor on how many pieces each takes them in: both only
cut a batch into shares. It refuses to know what is in a row, except how long it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from tritext_training.errors import BadOption, TooFewRowsToShare

IGNORED = -100
"""The target that does not count, as torch's cross-entropy has it."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How a batch is cut: among so many processes, of which this is the one at `rank`, in so many pieces each."""

    processes: int = 1
    rank: int = 0
    pieces: int = 1

    def check(self, batch_size: int, rows: int) -> None:
        """Say so before training if a batch cannot be cut like this.

        Raises:
            BadOption: It does not divide.
            TooFewRowsToShare: The smallest batch has fewer rows than there are shares.
        """
        shares = self.processes * self.pieces
        if batch_size % shares:
            expected = f"a multiple of {shares} ({self.processes} process(es) times {self.pieces} piece(s))"
            raise BadOption(option="batch-size", value=batch_size, expected=expected)
        if sizes(rows, batch_size)[-1] < shares:
            raise TooFewRowsToShare(rows=rows, batch_size=batch_size, shares=shares)

    def of(self, batch: Sequence[int], piece: int) -> list[int]:
        """Every n-th row: neighbours are alike in length, so that shares take equally long."""
        return list(batch[self.rank * self.pieces + piece :: self.processes * self.pieces])


def sizes(rows: int, batch_size: int) -> list[int]:
    """As few batches of at most `batch_size` rows as hold them all, the sizes of no two differing by more than one.

    A short last batch would be a noisy update, and might not reach for every process.
    """
    count = -(-rows // batch_size)
    return [rows // count + (place < rows % count) for place in range(count)]


class Batches(Sampler[list[int]]):
    """The shares of this process, batch by batch: rows of like length together, in an order of seed and epoch."""

    def __init__(
        self, lengths: npt.NDArray[np.int64], *, batch_size: int, seed: int, shares: Shares | None = None
    ) -> None:
        self._lengths, self._seed, self._shares = lengths, seed, shares or Shares()
        self._sizes = sizes(len(lengths), batch_size)
        self._batch_size = batch_size
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._sizes) * self._shares.pieces

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.whole():
            for piece in range(self._shares.pieces):
                yield self._shares.of(batch, piece)

    def whole(self) -> Iterator[list[int]]:
        """The batches of this epoch, uncut; the same ones in every process."""
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            self._lengths, self._batch_size, generator=chance
        )
        start = 0
        for size in self._sizes:
            yield order[start : start + size]
            start += size


class BatchLoader(DataLoader[dict[str, Any]]):
    """Loads `Batches`, and tells them the epoch."""

    def set_epoch(self, epoch: int) -> None:
        batches: Any = self.batch_sampler
        batches.set_epoch(epoch)


def targets(batch: Mapping[str, torch.Tensor]) -> int:
    """How many terms a batch's mean loss has: the rows, or where there is a target a token, those that count."""
    labels, tokens = batch.get("labels"), batch.get("input_ids")
    if labels is None or tokens is None:
        return len(next(iter(batch.values())))
    if labels.shape == tokens.shape and not labels.is_floating_point():
        return int((labels != IGNORED).sum())
    return len(labels)
