"""`tritext predict`: texts in, answers out, from a running server; the task is the model's own."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from tritext.commands.task_options import with_task_options

SOME_TEXTS_FAILED = 1
"""Exit status where `--keep-going` went on after bad texts."""

NAME_HELP = "The model, as `tritext status` lists it."
URL_HELP = (
    "The server: host:port for gRPC, http://host:port for HTTP, grpcs:// or https:// for TLS. "
    "The environment variable TRITEXT_URL does the same."
)


@with_task_options
def predict(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts; with --context questions, with --query the texts to rank. Without any, and without --file, "
            "standard input is read, one text a line. Put `--` before a text that begins with `-`."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Read the texts from CSV, TSV, JSON, JSONL, Parquet, or TXT (one a line)."),
    ] = None,
    keep_going: Annotated[
        bool,
        typer.Option(
            help="Report bad texts and go on. Without it the first one ends the run. Exit status 1 says there were some."
        ),
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Texts in one request; as many as are fastest if not given. "
            "1 answers each line of a slow input as soon as it is there."
        ),
    ] = None,
    version: Annotated[str, typer.Option(help="A version of the model; the newest if not given.")] = "",
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    timeout: Annotated[float, typer.Option(help="Seconds for each request, its retries included.")] = 30.0,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON document for each text, a line each: what the pipeline of transformers returns, "
            "or an embedding's numbers.",
        ),
    ] = False,
    **given: Any,
) -> None:
    """Ask a served model: the answers that the pipeline of transformers gives, whatever the model's task.

    Prints a table for texts on the command line; for standard input and files one line for each label, entity,
    answer or text: what it is, score, …, text, separated by tabs. An option that the model's task does not have
    is refused. Exit status 4 says that the server could not be reached, or not in time.
    """
    from tritext import Client, RetryPolicy, showing
    from tritext.asking import Asked

    if texts and file:
        raise typer.BadParameter("give texts or --file, not both")
    in_flight = 1 if batch_size == 1 else 4
    with Client(url, timeout=timeout, in_flight=in_flight, retry=RetryPolicy(attempts=4)) as client:
        asked = Asked.of(client.model(name, version=version), given)
        items = asked.items(texts, file)
        answers = partial(
            client.stream,
            name,
            errors="return" if keep_going else "raise",
            plain=as_json,
            version=version,
            batch_size=batch_size,
            **asked.options,
        )
        show = showing.as_json if as_json else showing.as_table if texts or asked.is_one else showing.as_lines
        bad = show(showing.remembered(items, answers), asked.task, asked.source)
    if bad:
        raise typer.Exit(SOME_TEXTS_FAILED)
