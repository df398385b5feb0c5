"""`tritext submit`: a job for the workers; what it may be told is `tritext_jobs`' to say."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tritext_jobs.tables import Job

KIND_HELP = (
    "What to do: `train`, `build`, `evaluate`, `predict`; or `release`, which trains and registers, builds and "
    "evaluates, one after the other."
)


def submit(
    kind: Annotated[str, typer.Argument(help=KIND_HELP)],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="NAME=VALUE each, such as `data=mails.csv`; --help-arguments lists them.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    help_arguments: Annotated[
        bool, typer.Option("--help-arguments", help="List the arguments of this kind of job, and end.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Return when the job is finished; exit status 1 says that it failed."),
    ] = False,
    here: Annotated[
        bool,
        typer.Option(
            "--here",
            help="Do it in this process, without worker or server, and return when it is finished. The same command "
            "goes on with what an interrupted one left.",
        ),
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="With --here: parts of the job at once.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the job as JSON.")] = False,
) -> None:
    """Queue a job for the workers, or with --here do it at once.

    Prints the job's id, by which `tritext jobs` shows it.
    """
    if help_arguments:
        _explain(kind, as_json=as_json)
        return
    from tritext_jobs.settings import Settings
    from tritext_jobs.store import Store
    from tritext_jobs.submitting import submit as queue
    from tritext_jobs.submitting import submit_here, wanted, words

    job = wanted(kind, words(arguments or ()))
    settings = Settings.of()
    store = Store(settings)
    if here:
        from tritext_jobs.here import do_here
        from tritext_jobs.watching import Watch

        job_id, was_there = submit_here(store, job)
        _say(f"{'Going on with' if was_there else 'Doing'} {kind} {job_id[:8]}.")
        try:
            with Watch() as watch:
                done = do_here(settings, store, job_id, concurrency=concurrency, seen=watch)
        except KeyboardInterrupt:
            _say("The job is queued: the same command goes on with it, and so would a worker.")
            raise
    else:
        from tritext_jobs.bell import Bell
        from tritext_jobs.waiting import waited
        from tritext_jobs.watching import Watch

        queue(store, Bell(settings), job)
        if wait:
            with Watch() as watch:
                done = waited(store, job.id, seconds=None, seen=watch)
        else:
            done = store.find(job.id)
    _end(done, as_json=as_json)


def _end(job: "Job", *, as_json: bool) -> None:
    from tritext.console import out, print_json
    from tritext_jobs.showing import as_json as document
    from tritext_jobs.showing import what
    from tritext_jobs.tables import SUCCEEDED
    from tritext_jobs.waiting import require_success

    if as_json:
        print_json(document(job))
    else:
        out.print(job.id, markup=False, highlight=False)
    require_success(job)
    if job.state == SUCCEEDED:
        _say(f"{job.kind} {job.id[:8]} succeeded: {what(job)}")
    elif not as_json:
        _say(f"Queued; `tritext jobs show {job.id[:8]}` shows it, `tritext worker` does it.")


def _explain(kind: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from rich.table import Table
    from rich.text import Text

    from tritext.console import out, print_json
    from tritext_jobs.arguments import KINDS
    from tritext_jobs.errors import UnknownKind
    from tritext_jobs.explained import arguments

    if kind not in KINDS:
        raise UnknownKind(kind=kind, known=KINDS)
    if as_json:
        print_json([asdict(argument) for argument in arguments(kind)])
        return
    table = Table(title=f"Arguments of {kind}", title_justify="left", box=None, pad_edge=False)
    for column in ("name", "type", "default", "meaning"):
        table.add_column(column, overflow="fold")
    for each in arguments(kind):
        default = "required" if each.required else each.default
        table.add_row(Text(each.name, style="bold"), each.type, Text(default), Text(each.meaning))
    out.print(table)


def _say(line: str) -> None:
    from tritext.console import err

    err.print(line, markup=False, highlight=False, soft_wrap=True)
