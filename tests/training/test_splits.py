"""Laws of splitting: stratified, complete, repeatable, and every label stays in training."""

from collections import Counter

import pytest

from tritext_training.splits import draw, draw_groups, duplicates, strata


@pytest.mark.parametrize(
    ("sizes", "count"), [((90, 9, 1), 10), ((5, 5, 5, 5), 4), ((200, 2, 2, 2), 20), ((1, 1, 30), 3)]
)
def test_every_stratum_keeps_a_row_and_gives_its_share(sizes: tuple[int, ...], count: int) -> None:
    rows = [str(name) for name, size in enumerate(sizes) for _ in range(size)]
    drawn = draw(rows, count=count, seed=1)
    assert len(drawn.taken) == count
    assert sorted(drawn.taken + drawn.left) == list(range(len(rows)))
    assert {rows[position] for position in drawn.left} == set(rows)
    taken = Counter(rows[position] for position in drawn.taken)
    pool = len(rows) - len(sizes)
    for name, size in enumerate(sizes):
        assert abs(taken[str(name)] - count * (size - 1) / pool) < 1


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    rows = ["a", "b"] * 50
    assert draw(rows, count=10, seed=1) == draw(rows, count=10, seed=1)
    assert draw(rows, count=10, seed=1) != draw(rows, count=10, seed=2)


def test_nothing_can_be_drawn_from_singletons() -> None:
    assert not draw(["a", "b", "c"], count=2, seed=1).taken


def test_a_row_of_several_labels_stands_for_its_rarest() -> None:
    assert strata([("common", "rare"), ("common",), (), ("common",)]) == ["rare", "common", "", "common"]


def test_leaks_are_found_whatever_case_and_white_space() -> None:
    found = duplicates(train=["Hello  there", "a", "A "], validation=["b"], test=["hello there", "B", "c"])
    assert found["within"] == {"train": 1, "validation": 0, "test": 0}
    leaks = {tuple(leak["between"]): leak["rows"] for leak in found["leaks"]}
    assert leaks == {("train", "validation"): 0, ("train", "test"): 1, ("validation", "test"): 1}


@pytest.mark.parametrize("count", [1, 5, 30, 99, 1000])
def test_groups_are_taken_whole_until_there_are_enough_rows_and_one_is_always_left(count: int) -> None:
    groups = [number % 7 for number in range(100)]
    drawn = draw_groups(groups, count=count, seed=3)
    taken, left = ({groups[place] for place in places} for places in (drawn.taken, drawn.left))
    assert sorted(drawn.taken + drawn.left) == list(range(100))
    assert taken
    assert left
    assert not taken & left
    assert len(left) == 1 or count <= len(drawn.taken) < count + 15


def test_one_group_cannot_be_divided() -> None:
    assert not draw_groups(["a"] * 9, count=2, seed=1).taken
