"""When a client tries again: a table, without a server."""

import time
from itertools import pairwise

import pytest

from tritext import InvalidRequest, Overloaded, RetryPolicy, ServerUnavailable
from tritext.blocking import Blocking, run
from tritext.failures import ClientError, DeadlineExceeded, InvalidText
from tritext.persistence import Persistence
from tritext.retry import Deadline


@pytest.mark.parametrize("attempts", [1, 2, 6])
def test_a_policy_allows_its_number_of_tries(attempts: int) -> None:
    policy = RetryPolicy(attempts=attempts)
    assert all(policy.pause(attempt) is not None for attempt in range(1, attempts))
    assert policy.pause(attempts) is None


def test_waits_double_up_to_the_longest_and_all_of_each_is_chance() -> None:
    policy = RetryPolicy(attempts=10, first=0.1, factor=2.0, longest=1.0)
    for attempt, whole in enumerate((0.1, 0.2, 0.4, 0.8, 1.0, 1.0), start=1):
        waits = [policy.pause(attempt) or 0.0 for _ in range(200)]
        assert 0 <= min(waits) < whole / 4 < whole * 3 / 4 < max(waits) <= whole


def test_a_deadline_only_comes_nearer_and_is_never_beyond_a_day() -> None:
    deadline = Deadline.after(float("inf"))
    looks = [deadline.remaining() for _ in range(3)]
    assert all(later <= earlier <= 86_400 for earlier, later in pairwise(looks))


class Script:
    """A transport's stand-in that fails with the given errors and then answers."""

    def __init__(self, *errors: ClientError) -> None:
        self.errors = list(errors)
        self.tries = 0

    async def send(self, _seconds: float) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_full_server_is_tried_again_as_often_as_answers_have_earned_it() -> None:
    policy = RetryPolicy(attempts=100, first=0.0, burst=3, share=0.5)
    persistence = Persistence(world=Blocking(1), policy=policy)
    script = Script(*[BUSY] * 4)
    with pytest.raises(Overloaded):
        run(persistence.insist(script.send, 10.0))
    assert script.tries == 1 + policy.burst
    for _ in range(2):
        run(persistence.insist(Script().send, 10.0))
    script = Script(BUSY)
    assert run(persistence.insist(script.send, 10.0)) == "answer"


def test_a_server_that_is_away_may_be_tried_as_often_as_the_policy_says() -> None:
    policy = RetryPolicy(attempts=100, first=0.0, burst=0)
    script = Script(*[DOWN] * 50)
    assert run(Persistence(world=Blocking(1), policy=policy).insist(script.send, 10.0)) == "answer"


def insist(script: Script, *, attempts: int = 4, seconds: float = 10.0) -> str:
    policy = RetryPolicy(attempts=attempts, first=0.001, longest=0.002)
    return run(Persistence(world=Blocking(1), policy=policy).insist(script.send, seconds))


DOWN, BUSY = ServerUnavailable("down"), Overloaded("Exceeds maximum queue size")
LATE = Overloaded("Request timeout expired")


@pytest.mark.parametrize("errors", [(DOWN,), (BUSY,), (DOWN, BUSY, LATE)])
def test_what_may_pass_is_tried_again(errors: tuple[ClientError, ...]) -> None:
    script = Script(*errors)
    assert insist(script) == "answer"
    assert script.tries == len(errors) + 1


@pytest.mark.parametrize("error", [InvalidRequest("bad"), InvalidText(row=0, reason="is bad")])
def test_what_cannot_pass_is_never_tried_again(error: ClientError) -> None:
    script = Script(error)
    with pytest.raises(type(error)):
        insist(script)
    assert script.tries == 1


def test_tries_end_with_the_last_error() -> None:
    script = Script(*[ServerUnavailable(str(number)) for number in range(9)])
    with pytest.raises(ServerUnavailable, match="2"):
        insist(script, attempts=3)
    assert script.tries == 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [(DOWN, ServerUnavailable), (BUSY, Overloaded), (LATE, (Overloaded, DeadlineExceeded))],
)
def test_no_try_begins_after_the_deadline(
    error: ClientError, expected: type[ClientError] | tuple[type[ClientError], ...]
) -> None:
    script = Script(*[error] * 100)
    with pytest.raises(expected):
        insist(script, attempts=100, seconds=0.01)
    assert script.tries < 25


def test_what_waited_in_the_queue_until_the_deadline_exceeded_it() -> None:
    class Waiting(Script):
        async def send(self, seconds: float) -> str:
            time.sleep(seconds)  # noqa: ASYNC251
            return await super().send(seconds)

    with pytest.raises(DeadlineExceeded):
        insist(Waiting(LATE), seconds=0.02)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_no_time_means_no_try(seconds: float) -> None:
    script = Script()
    with pytest.raises(DeadlineExceeded):
        insist(script, seconds=seconds)
    assert script.tries == 0
