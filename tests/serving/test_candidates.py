"""What is worth a try is different, allowed, and not much."""

from dataclasses import replace

import pytest

from tritext_serving.candidates import batching, parallel
from tritext_serving.step_settings import StepSettings

DEFAULT = StepSettings(instances=2, threads=1, max_batch_size=64)


@pytest.mark.parametrize("cores", [1, 2, 3, 8, 48, 128])
def test_every_way_to_share_the_cores_is_tried_once_and_the_default_not_again(cores: int) -> None:
    default = replace(DEFAULT, instances=cores)
    found = parallel(default, cores=cores, gpu=False)
    assert default not in found
    assert len(set(found)) == len(found) <= 12
    products = [(one.instances or 0) * (one.threads or 0) for one in found]
    assert all(cores / 2 <= product <= 1.25 * cores + 1 for product in products)
    assert any(one.instances == 1 and one.threads == cores for one in [default, *found])


def test_on_a_gpu_only_instances_are_tried() -> None:
    default = replace(DEFAULT, instances=None, threads=1)
    assert [one.instances for one in parallel(default, cores=16, gpu=True)] == [1, 2, 3, 4]
    assert {one.threads for one in parallel(default, cores=16, gpu=True)} == {1}


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("users", [1, 8, 64, 1000, None])
@pytest.mark.parametrize("most", [64, 256])
def test_a_step_never_takes_smaller_requests_than_before(users: int | None, most: int, *, gpu: bool) -> None:
    """Triton refuses an ensemble over a step with a smaller maximum, and a request is never split."""
    found = batching(replace(DEFAULT, max_batch_size=most), users=users, gpu=gpu)
    assert all(one.max_batch_size >= most for one in found)
    assert all(one.limit is None or one.limit < most for one in found)


def test_a_limit_that_the_users_cannot_reach_is_not_tried() -> None:
    assert {one.limit for one in batching(DEFAULT, users=8, gpu=False)} == {None, 4, 2, 1}


def test_a_limit_and_a_delay_are_not_combined() -> None:
    """When the delay is over, Triton sends off all that waits, and the limit says nothing any more."""
    for start in (DEFAULT, replace(DEFAULT, limit=8), replace(DEFAULT, delay_us=5_000)):
        found = batching(start, users=64, gpu=False)
        assert start not in found
        assert not any(one.limit and one.delay_us for one in found)


def test_a_step_without_batches_has_no_other_ways_to_form_them() -> None:
    assert batching(replace(DEFAULT, max_batch_size=0), users=64, gpu=False) == []
