"""Jobs answered by a server that may be away for a while. Knows nothing of files."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tritext.client import Client
from tritext.failures import ClientError, DeadlineExceeded, InvalidText, ServerFailed, TransientError
from tritext.scoring.jobs import Job

PASSING = (TransientError, DeadlineExceeded, ServerFailed)
"""What may be over after a while, as a restart of the server is; a failure only of a server that has answered before."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0

Answered = tuple[Job, Any]


class PatienceLost(Exception):
    """The server stayed away for longer than it was to be waited for."""

    def __init__(self, *, seconds: float, last: ClientError) -> None:
        super().__init__(f"No answer for {seconds:g} s. {last}")


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How jobs are asked about.

    Attributes:
        model: The model's name.
        options: Those of `Client.stream`.
        patience: Seconds without any answer after which to give up.
        gathered: As in `Reading`.
        waits: Told of what is wrong before each pause, and with an empty text that it is over.
    """

    client: Client
    model: str
    options: Mapping[str, Any]
    patience: float
    gathered: int | None
    waits: Callable[[str], None]

    def answered(self, jobs: Iterable[Job]) -> Generator[Answered, None, None]:
        """Each job with its answer, in order, or with an `InvalidText` in its place.

        Raises:
            PatienceLost: The server did not come back in time.
            ClientError: It refuses what no waiting mends.
        """
        for job, answer in self._insisted(iter(jobs)):
            if isinstance(answer, InvalidText) and len(job.rows) > 1 and self.gathered is not None:
                yield from self._insisted(iter(job.apart(self.gathered)))
            else:
                yield job, answer

    def _insisted(self, jobs: Iterator[Job]) -> Iterator[Answered]:
        """As `answered`; what was on its way when the server went away is asked for again."""
        under_way: deque[Job] = deque()
        since, pauses, works = time.monotonic(), _pauses(), False
        while True:
            try:
                for answer in self._streamed(under_way, jobs):
                    self.waits("")
                    yield under_way.popleft(), answer
                    since, pauses, works = time.monotonic(), _pauses(), True
            except PASSING as error:  # noqa: PERF203
                if isinstance(error, ServerFailed) and not works:
                    raise
                pause = next(pauses)
                if time.monotonic() + pause - since > self.patience:
                    raise PatienceLost(seconds=time.monotonic() - since, last=error) from error
                self.waits(str(error))
                time.sleep(pause)
            else:
                return

    def _streamed(self, under_way: deque[Job], jobs: Iterator[Job]) -> Iterator[Any]:
        def noted(job: Job) -> Any:
            under_way.append(job)
            return job.item

        items = itertools.chain([job.item for job in under_way], map(noted, jobs))
        return self.client.stream(self.model, items, errors="return", plain=True, **self.options)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
