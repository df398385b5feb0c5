"""Sending again what may pass, within a deadline. Knows no protocol and no task."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tritext.failures import ClientError, DeadlineExceeded, Overloaded, TransientError
from tritext.retry import Allowance, Deadline, RetryPolicy
from tritext.worlds import World

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Persistence:
    """How a client insists; nothing but time passes between two tries."""

    world: World
    policy: RetryPolicy
    _allowance: Allowance = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_allowance", Allowance(self.policy))

    async def insist(self, send: Callable[[float], Awaitable[Value]], seconds: float) -> Value:
        """Send, again after what may pass, until the deadline or the end of the retry policy.

        Requests change nothing on the server, so sending one twice does no harm.
        """
        deadline = Deadline.after(seconds)
        trouble: ClientError = DeadlineExceeded(seconds=seconds)
        for attempt in itertools.count(1):
            remaining = deadline.remaining()
            if not remaining > 0:
                break
            try:
                answer = await send(remaining)
            except DeadlineExceeded as error:
                raise DeadlineExceeded(seconds=seconds) from error
            except TransientError as error:
                # What waited in the server's queue waited for as long as the server, or the deadline, let it.
                late = isinstance(error, Overloaded) and error.waited and not deadline.remaining() > 0
                trouble = DeadlineExceeded(seconds=seconds) if late else error
                pause = self._pause(attempt, error)
                if pause is None or pause >= deadline.remaining():
                    raise trouble from error
                await self.world.pause(pause)
            else:
                self._allowance.earn()
                return answer
        raise trouble

    def _pause(self, attempt: int, error: TransientError) -> float | None:
        """Seconds until the next try; None: there is to be none."""
        if isinstance(error, Overloaded) and not self._allowance.spend():
            return None
        return self.policy.pause(attempt)
