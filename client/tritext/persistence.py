"""Sending again what may pass, within a deadline. Knows no protocol and no task."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tritext.failures import ClientError, DeadlineExceeded, Overloaded, TransientError
from tritext.retry import Deadline, RetryPolicy
from tritext.worlds import World

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Persistence:
    """How a client insists; nothing but time passes between two tries."""

    world: World
    policy: RetryPolicy

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
                return await send(remaining)
            except DeadlineExceeded as error:
                raise DeadlineExceeded(seconds=seconds) from error
            except TransientError as error:
                # What waited in the server's queue waited for as long as the deadline let it.
                late = isinstance(error, Overloaded) and error.waited
                trouble = DeadlineExceeded(seconds=seconds) if late else error
                pause = self.policy.pause(attempt)
                if pause is None or pause >= deadline.remaining():
                    raise trouble from error
                await self.world.pause(pause)
        raise trouble
