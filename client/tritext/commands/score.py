"""`tritext score`: a served model's answer beside every row of a file, however large, through any interruption."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tritext.commands.predict import NAME_HELP, SOME_TEXTS_FAILED, URL_HELP
from tritext.commands.task_options import with_task_options

if TYPE_CHECKING:
    from tritext import Client
    from tritext.results import ServedModel
    from tritext.scoring.plan import Wish
    from tritext.scoring.run import Summary

IN_FLIGHT_BATCHES, IN_FLIGHT_ITEMS = 8, 32
"""Requests under way at once, where a request holds many items and where it holds one."""


@with_task_options
def score(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    input_file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet, by its suffix.")],
    output_file: Annotated[
        Path,
        typer.Argument(
            help="The file to write, in any of these formats. It appears when it is complete; until then all "
            "lies in OUTPUT_FILE.partial."
        ),
    ],
    keep: Annotated[
        str | None,
        typer.Option(
            help="The columns of the input to keep, in this order, with commas between them; all if not given."
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="What the names of the answers' columns begin with, such as `predicted_`.")
    ] = "",
    raw: Annotated[
        bool, typer.Option(help="One column `result` with the pipeline's whole answer as JSON.")
    ] = False,
    keep_going: Annotated[
        bool,
        typer.Option(
            help="Say in a column `error` why a row has no answer, and go on. Without it the first bad row ends "
            "the run. Exit status 1 says there were some."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Start anew, even if a run could go on, and replace an output that is there.")
    ] = False,
    patience: Annotated[
        float, typer.Option(help="Seconds to wait for a server that is away before giving up.", min=0)
    ] = 300.0,
    in_flight: Annotated[
        int | None,
        typer.Option(
            help="Requests under way at once, which keep the server busy: 8 if not given, 32 where a request holds "
            "a single item, as a question with its context.",
            min=1,
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Texts in one request; as many as are fastest if not given.")
    ] = None,
    version: Annotated[
        str,
        typer.Option(help="A version of the model. A run keeps the one that it began with, the newest then."),
    ] = "",
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    timeout: Annotated[
        float, typer.Option(help="Seconds for each request, after which it is sent again.")
    ] = 120.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the rows done, bad rows and seconds as JSON at the end.")
    ] = False,
    **given: Any,
) -> None:
    """Put a served model's answer beside every row of a file, of any size, in bounded memory.

    Whatever ends it (Ctrl+C, `kill -9`, a full disk, a server that is gone): the same command goes on where it
    ended, with no row lost or repeated. Exit status 4 says that the server stayed away.
    """
    from tritext.scoring.plan import Wish

    wish = Wish(
        name=name,
        input=input_file,
        output=output_file,
        given=given,
        version=version,
        keep=keep,
        prefix=prefix,
        raw=raw,
        keep_going=keep_going,
        overwrite=overwrite,
        patience=patience,
        batch_size=batch_size,
    )
    done = _done(wish, partial(_connect, url=url, timeout=timeout, in_flight=in_flight))
    _report(done, wish, as_json=as_json)
    if done.bad:
        raise typer.Exit(SOME_TEXTS_FAILED)


def _connect(model: "ServedModel | None", *, url: str, timeout: float, in_flight: int | None) -> "Client":
    from tritext import Client, RetryPolicy
    from tritext.items import form_of
    from tritext.tasks import task_of

    is_stacked = model is None or form_of(task_of(model).fields, model).stacked
    usual = IN_FLIGHT_BATCHES if is_stacked else IN_FLIGHT_ITEMS
    retry = RetryPolicy(attempts=4)
    return Client(url, timeout=timeout, in_flight=in_flight or usual, retry=retry, bulk=True)


def _done(wish: "Wish", connect: Any) -> "Summary":
    from tritext.scoring.run import score as scored
    from tritext.scoring.showing import Show

    with Show(wish.output.name) as show:
        return scored(wish, connect, show)


def _report(done: "Summary", wish: "Wish", *, as_json: bool) -> None:
    from tritext.console import err, print_json

    if as_json:
        print_json({"output": str(wish.output), **asdict(done)})
        return
    rate = f", {done.scored / done.seconds:,.0f} rows/s" if done.scored else ""
    bad = f", {done.bad:,} of them bad" if done.bad else ""
    err.print(
        f"{wish.output}: {done.rows:,} rows{bad}, version {done.version} ({done.seconds:,.1f} s{rate}).",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
