"""Jobs as people and programs see them: tables, and JSON. Asks nobody anything."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tritext_jobs.claims import now
from tritext_jobs.tables import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, WAITING, Job

COLOURS = {
    QUEUED: "dim",
    RUNNING: "cyan",
    WAITING: "cyan",
    SUCCEEDED: "green",
    FAILED: "red",
    CANCELLED: "yellow",
}
SHOWN_ID = 8
BAR_WIDTH = 20
STEPS = {"release": 3}
"""Parts that a job will have, where not all are there from the beginning."""


def as_json(job: Job, parts: Sequence[Job] = ()) -> dict[str, Any]:
    """A job for programs."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": round(progress(job, parts), 4),
        "message": job.message,
        "arguments": job.arguments,
        "result": job.result,
        "created": _moment(job.created),
        "started": _moment(job.started),
        "finished": _moment(job.finished),
        "worker": job.worker,
        "attempts": job.attempts,
        "parent": job.parent_id,
        **({"parts": [as_json(part) for part in parts]} if parts else {}),
    }


def progress(job: Job, parts: Sequence[Job]) -> float:
    """A job's own, or that of its parts together."""
    if job.state == SUCCEEDED or not parts:
        return float(job.progress)
    return sum(part.progress for part in parts) / max(len(parts), STEPS.get(job.kind, 0))


def table(jobs: Sequence[tuple[Job, Sequence[Job]]]) -> Table:
    """One line a job."""
    found = Table(box=None, pad_edge=False, show_edge=False)
    for name in ("id", "job", "state", "progress", "time", "what"):
        found.add_column(name, overflow="ellipsis", no_wrap=name != "what")
    for job, parts in jobs:
        found.add_row(
            job.id[:SHOWN_ID],
            Text(job.kind),
            Text(job.state, style=COLOURS.get(job.state, "")),
            _bar(progress(job, parts)),
            duration(job),
            Text(what(job, parts)),
        )
    return found


def details(job: Job, parts: Sequence[Job], *, log: str) -> Group:
    """All about one job."""
    about = Table(box=None, pad_edge=False, show_header=False)
    about.add_column(style="dim")
    about.add_column(overflow="fold")
    for name, value in as_json(job).items():
        if value not in (None, "", {}) and name != "progress":
            _add(about, name, value)
    about.add_row("log", Text(log))
    return Group(about, Text(""), table([(part, ()) for part in parts])) if parts else Group(about)


def _add(about: Table, name: str, value: Any) -> None:
    if not isinstance(value, dict):
        about.add_row(name, Text(str(value)))
        return
    for number, (key, item) in enumerate(value.items()):
        if item not in (None, ""):
            about.add_row("" if number else name, Text(f"{key} = {_short(item)}"))


def _short(value: Any, most: int = 300) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def what(job: Job, parts: Sequence[Job] = ()) -> str:
    """What a job is doing, or why it failed, or what it is about."""
    if job.state in (FAILED, CANCELLED, RUNNING, QUEUED) and job.message:
        return job.message
    going = [part for part in parts if part.state == RUNNING]
    if going and job.state == WAITING:
        first = going[0]
        return f"{first.kind} ({first.part} of {max(len(parts), STEPS.get(job.kind, 0))}): {first.message}"
    if job.state == SUCCEEDED and job.result:
        return _came_of(job)
    about = [job.arguments.get(name) for name in ("name", "register", "checkpoint", "data")]
    return str(next((value for value in about if value), ""))


def _came_of(job: Job) -> str:
    result = job.result or {}
    if registered := result.get("registered"):
        return f"models:/{registered['name']}/{registered['version']}"
    if "name" in result and "version" in result:
        return f"{result['name']} version {result['version']}"
    if "rows" in result and "output" in result:
        return f"{result['rows']:,} rows in {result['output']}"
    return str(result.get("output") or result.get("model") or "")


def duration(job: Job) -> str:
    """How long it has run, or ran."""
    if job.started is None:
        return ""
    seconds = int((_aware(job.finished or now()) - _aware(job.started)).total_seconds())
    minutes, rest = divmod(max(seconds, 0), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"  # noqa: PLR2004


def _bar(done: float) -> Any:
    line = Table.grid(padding=(0, 1))
    line.add_row(ProgressBar(total=1.0, completed=done, width=BAR_WIDTH), f"{100 * done:3.0f} %")
    return line


def _moment(moment: datetime | None) -> str | None:
    return _aware(moment).isoformat(timespec="seconds") if moment else None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
