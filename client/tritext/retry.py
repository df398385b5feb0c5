"""How long to go on and how long to wait between tries. Pure: no clock but the one in `Deadline`, no network."""

import random
import time
from dataclasses import dataclass

LONGEST = 86_400.0


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with jitter, https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter.

    Attributes:
        attempts: Tries in all; 1 never tries again.
        first: Seconds before the second try.
        factor: How much longer each next wait is.
        longest: The most seconds between two tries.
    """

    attempts: int = 6
    first: float = 0.1
    factor: float = 2.0
    longest: float = 2.0

    def pause(self, attempt: int) -> float | None:
        """Seconds to wait after the failed try number `attempt`, from 1; None: give up.

        Half of each wait is left to chance, so that the clients of a server that was down do not all
        come back at the same moment.
        """
        if attempt >= self.attempts:
            return None
        wait = min(self.longest, self.first * self.factor ** (attempt - 1))
        return wait * random.uniform(0.5, 1.0)  # noqa: S311


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
