"""A job that is being done, live on standard error. Knows how it looks, not how it is known."""

from types import TracebackType

from rich.live import Live
from typing_extensions import Self

from tritext.console import err
from tritext_jobs.showing import table, what
from tritext_jobs.tables import Job


class Watch:
    """A table of the job and its parts that changes in place; where there is no terminal, a line for each change."""

    def __init__(self) -> None:
        self._live = Live(console=err, transient=True, auto_refresh=False)
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if err.is_terminal:
            self._live.stop()

    def __call__(self, job: Job, parts: list[Job]) -> None:
        if err.is_terminal:
            self._live.update(table([(job, parts), *((part, ()) for part in parts)]), refresh=True)
            return
        for each in (job, *parts):
            if self._states.get(each.id) != each.state:
                self._states[each.id] = each.state
                says = f": {what(each)}" if what(each) else ""
                err.print(
                    f"{each.kind} {each.id[:8]} {each.state}{says}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
