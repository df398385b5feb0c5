"""How far a run is, for people, on standard error. Knows no file and no network."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from tritext.console import err

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from typing_extensions import Self

SECONDS = 0.2
"""Between two changes of what is shown."""


class Shows(Protocol):
    """Whoever is told how far a run is."""

    def begin(self, *, total: int, at: int, rows: int) -> None:
        """From here on the rate counts; `at` of `total` are done already."""

    def moved(self, *, at: int, rows: int, always: bool = False) -> None:
        """Hear that so much is done."""

    def waits(self, reason: str) -> None:
        """Hear why nothing moves; an empty reason says that it does again."""

    def says(self, sentence: str) -> None:
        """Hear what a person should know."""


class Show:
    """A bar with rows, rate and time left."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Progress = _bar()
        self._task: TaskID | None = None
        self._rows = self._since = self._changed = 0.0
        self._waits = ""

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, *, total: int, at: int, rows: int) -> None:
        """From here on the rate counts; `at` of `total` are done already."""
        self._rows, self._since = rows, time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task(
            self._title, total=total, completed=at, rows=f"{rows:,} rows", rate=""
        )

    def moved(self, *, at: int, rows: int, always: bool = False) -> None:
        now = time.monotonic()
        if self._task is not None and (always or now - self._changed > SECONDS):
            self._changed = now
            rate = (rows - self._rows) / max(now - self._since, 1e-9)
            self._bar.update(self._task, completed=at, rows=f"{rows:,} rows", rate=f"{rate:,.0f} rows/s")

    def waits(self, reason: str) -> None:
        """Say why nothing moves; an empty reason says that it does again."""
        if reason and reason != self._waits:
            err.print(f"waiting for the server: {reason}", markup=False, highlight=False, soft_wrap=True)
        self._waits = reason

    def says(self, sentence: str) -> None:
        err.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _bar() -> "Progress":
    from rich.progress import (  # noqa: PLC0415 - only where one is drawn
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=err,
    )
