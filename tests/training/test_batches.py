"""Laws of batches: what makes an update does not depend on how many processes and pieces it is shared by."""

import numpy as np
import pytest
import torch

from tritext_training.batches import Batches, Shares, sizes, targets
from tritext_training.errors import BadOption, TooFewRowsToShare

LENGTHS = np.random.default_rng(1).integers(3, 60, 203)


@pytest.mark.parametrize(("processes", "pieces"), [(1, 1), (2, 1), (1, 4), (2, 2), (4, 2)])
def test_all_shares_together_are_the_batches_of_one_process(processes: int, pieces: int) -> None:
    alone = Batches(LENGTHS, batch_size=16, seed=3)
    shared = [
        Batches(LENGTHS, batch_size=16, seed=3, shares=Shares(processes=processes, rank=rank, pieces=pieces))
        for rank in range(processes)
    ]
    for epoch in range(2):
        for batches in (alone, *shared):
            batches.set_epoch(epoch)
        each = [list(batches) for batches in shared]
        assert {len(shares) for shares in each} == {len(shared[0])}
        for number, batch in enumerate(alone):
            cut = [rows for shares in each for rows in shares[number * pieces : (number + 1) * pieces]]
            assert all(cut)
            assert sorted(row for rows in cut for row in rows) == sorted(batch)


def test_every_row_comes_once_an_epoch_in_another_order_each_time_and_in_the_same_for_a_seed() -> None:
    batches, same = (Batches(LENGTHS, batch_size=16, seed=3) for _ in range(2))
    first = list(batches)
    assert sorted(row for batch in first for row in batch) == list(range(len(LENGTHS)))
    assert first == list(same)
    batches.set_epoch(1)
    assert first != list(batches)


@pytest.mark.parametrize(("rows", "batch_size"), [(1, 8), (8, 8), (9, 8), (100, 16), (161, 16)])
def test_batches_are_few_and_none_is_much_smaller_than_another(rows: int, batch_size: int) -> None:
    found = sizes(rows, batch_size)
    assert sum(found) == rows
    assert len(found) == -(-rows // batch_size)
    assert max(found) <= batch_size
    assert max(found) - min(found) <= 1


def test_what_cannot_be_shared_is_said_beforehand() -> None:
    with pytest.raises(BadOption, match="--batch-size is 9: expected a multiple of 2"):
        Shares(processes=2).check(9, rows=100)
    with pytest.raises(TooFewRowsToShare, match="7 training rows"):
        Shares(processes=2, pieces=4).check(8, rows=7)


def test_a_mean_has_as_many_terms_as_there_are_rows_or_tagged_tokens() -> None:
    tokens = torch.zeros(3, 5, dtype=torch.long)
    tags = torch.tensor([[-100, 1, 2, -100, -100]] * 3)
    assert targets({"input_ids": tokens, "labels": torch.zeros(3, dtype=torch.long)}) == 3
    assert targets({"input_ids": tokens, "labels": torch.zeros(3, 5)}) == 3
    assert targets({"input_ids": tokens, "labels": tags}) == 6
    assert targets({"input_ids": tokens, "start_positions": torch.zeros(3)}) == 3
