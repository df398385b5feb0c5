"""How long to go on and how long to wait between tries. Pure: no clock but the one in `Deadline`, no network."""

import random
import threading
import time
from dataclasses import dataclass, field

LONGEST = 86_400.0


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Attributes:
        attempts: Tries in all; 1 never tries again.
        first: The most seconds before the second try.
        factor: How much longer each next wait may be.
        longest: The most seconds between two tries.
        burst: How often a client may meet a full server and try again before it has to earn it with answers.
        share: What one answer earns: the share of requests that may be tried again for as long as a server is full.
    """

    attempts: int = 8
    first: float = 0.1
    factor: float = 2.0
    longest: float = 2.0
    burst: int = 100
    share: float = 0.1

    def pause(self, attempt: int) -> float | None:
        """Seconds to wait after the failed try number `attempt`, from 1; None: give up.

        All of each wait is left to chance, so that clients which were refused together come back one by one.
        """
        if attempt >= self.attempts:
            return None
        wait = min(self.longest, self.first * self.factor ** (attempt - 1))
        return wait * random.random()  # noqa: S311


@dataclass
class Allowance:
    """What is left of a policy's tries against a full server; one client's, shared by its threads.

    A server that has too much to do must not get several times as much because of that. One that is away gets nothing
    at all, so tries against it cost nothing.
    """

    policy: RetryPolicy
    _left: float = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._left = self.policy.burst

    def spend(self) -> bool:
        """Whether one more try is allowed, which is then taken off."""
        with self._lock:
            allowed = self._left >= 1
            self._left -= allowed
        return allowed

    def earn(self) -> None:
        """There was an answer."""
        with self._lock:
            self._left = min(self.policy.burst, self._left + self.policy.share)


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    moment: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + min(seconds, LONGEST))

    def remaining(self) -> float:
        """Seconds left; not above zero once it has passed."""
        return self.moment - time.monotonic()
