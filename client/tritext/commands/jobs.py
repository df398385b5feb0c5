"""`tritext jobs`: what is queued, runs and is done; the work is done by `tritext_jobs`."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tritext_jobs.settings import Settings
    from tritext_jobs.store import Store
    from tritext_jobs.tables import Job


class Action(str, Enum):
    """What to do with jobs."""

    list = "list"
    show = "show"
    cancel = "cancel"
    wait = "wait"
    migrate = "migrate"


def jobs(
    action: Annotated[
        Action,
        typer.Argument(
            help="`list` them; `show` one with its arguments, result and parts; `cancel` one; `wait` for one; or "
            "`migrate` the database's tables to what this Tritext wants, which every command does by itself, too."
        ),
    ] = Action.list,
    job: Annotated[str | None, typer.Argument(help="The job's id, or the beginning of it.")] = None,
    most: Annotated[int, typer.Option(min=1, help="list: so many, the newest.")] = 20,
    parts: Annotated[
        bool, typer.Option("--parts", help="list: also the jobs that are parts of others.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="list: show them until Ctrl+C.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="wait: seconds, after which exit status 4 says that it goes on."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show, cancel and wait for jobs."""
    from tritext_jobs.errors import WantsId, WantsNoId
    from tritext_jobs.settings import Settings
    from tritext_jobs.store import Store

    is_about_one = action in {Action.show, Action.cancel, Action.wait}
    if is_about_one and not job:
        raise WantsId(action.value)
    if job and not is_about_one:
        raise WantsNoId(action.value)
    settings = Settings.of()
    store = Store(settings)
    if action is Action.list:
        _list(store, most, with_parts=parts, watch=watch, as_json=as_json)
    elif action is Action.migrate:
        _migrated(settings, store)
    else:
        found = store.find(job or "")
        if action is Action.show:
            _show(settings, store, found, as_json=as_json)
        elif action is Action.cancel:
            _cancel(settings, store, found)
        else:
            _wait(store, found, timeout, as_json=as_json)


def _list(store: "Store", most: int, *, with_parts: bool, watch: bool, as_json: bool) -> None:
    import time

    from rich.live import Live

    from tritext.console import out, print_json
    from tritext_jobs.showing import as_json as document
    from tritext_jobs.showing import table

    def found() -> list[tuple["Job", list["Job"]]]:
        return [(each, store.parts(each.id)) for each in store.newest(most, parts=with_parts)]

    if as_json:
        print_json([document(each, parts) for each, parts in found()])
    elif not watch:
        listed = found()
        out.print(table(listed) if listed else "No jobs yet: `tritext submit` makes some.", highlight=False)
    else:
        with Live(table(found()), console=out, auto_refresh=False) as live:
            while True:
                time.sleep(1)
                live.update(table(found()), refresh=True)


def _migrated(settings: "Settings", store: "Store") -> None:
    from tritext.console import err
    from tritext_jobs.database import revision

    err.print(
        f"{settings.shown_database} has the tables of revision {revision(store.engine)}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _show(settings: "Settings", store: "Store", job: "Job", *, as_json: bool) -> None:
    from tritext.console import out, print_json
    from tritext_jobs.showing import as_json as document
    from tritext_jobs.showing import details

    parts = store.parts(job.id)
    if as_json:
        print_json(document(job, parts))
    else:
        out.print(details(job, parts, log=str(settings.log(job.id))), highlight=False)


def _cancel(settings: "Settings", store: "Store", job: "Job") -> None:
    from tritext.console import err
    from tritext_jobs.bell import Bell
    from tritext_jobs.tables import UNFINISHED

    if job.state not in UNFINISHED:
        err.print(f"{job.kind} {job.id[:8]} is over already: it {_ended(job.state)}.", highlight=False)
        return
    at_once = store.cancel(job)
    bell = Bell(settings)
    for each in at_once:
        bell.show(store.find(each))
    how = "Cancelled" if job.id in at_once else "Its worker stops"
    err.print(f"{how}: {job.kind} {job.id[:8]}.", highlight=False)


def _ended(state: str) -> str:
    return "was cancelled" if state == "cancelled" else state


def _wait(store: "Store", job: "Job", timeout: float | None, *, as_json: bool) -> None:
    from tritext.commands.submit import _end
    from tritext_jobs.waiting import waited
    from tritext_jobs.watching import Watch

    with Watch() as watch:
        done = waited(store, job.id, seconds=timeout, seen=watch)
    _end(done, as_json=as_json)
