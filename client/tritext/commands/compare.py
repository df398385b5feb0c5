"""`tritext compare`: what changes from one served version to another; the work is done by `tritext_perf.version_report`."""

from pathlib import Path
from typing import Annotated

import typer

from tritext.commands.predict import URL_HELP

SIDE_HELP = "A served version, NAME/1; the newest of NAME without a number."


def compare(
    first: Annotated[str, typer.Argument(help=SIDE_HELP)],
    second: Annotated[str, typer.Argument(help="The other one, of the same model or of another.")],
    data: Annotated[
        Path,
        typer.Option(
            help="Texts, or pairs of texts for models of pairs: CSV, TSV, JSON, JSONL, Parquet, or TXT (one a line). With "
            "labels it is told which answers are fixed and which broken; without, which changed."
        ),
    ],
    html: Annotated[
        Path | None,
        typer.Option(help="Write the comparison as one HTML page, too; an older one is replaced."),
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="Column of the texts.")] = None,
    text_pair_column: Annotated[str | None, typer.Option(help="Column of the second texts of pairs.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the labels.")] = None,
    label_separator: Annotated[
        str | None, typer.Option(help="What separates several labels in one field, such as ','.")
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, help="Multi-label only: the probability from which a label counts."),
    ] = 0.5,
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    second_url: Annotated[
        str | None,
        typer.Option(
            help="Where the second is served, if elsewhere: a Triton serves one version of a model at a time."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for each request, its retries included.")] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, which holds every changed answer.")
    ] = False,
) -> None:
    """Tell which answers change between two served versions, in which direction, and whether that is chance.

    Both are asked about the same texts through the server. Shown are the answers that are fixed, broken or wrong in
    another way, the metrics of both with McNemar's exact test, and every label's F1. For text-classification.
    """
    from tritext import Client
    from tritext.console import err, out, print_json, progress
    from tritext_perf.evaluation import Options
    from tritext_perf.version_report import asking, comparison, write

    named = {"text": text_column, "text_pair": text_pair_column, "label": label_column}
    options = Options(
        columns={kind: column for kind, column in named.items() if column is not None},
        label_separator=label_separator,
    )
    servers = url, second_url or url
    with (
        Client(servers[0], timeout=timeout) as client,
        Client(servers[1], timeout=timeout) as second_client,
        progress() as bar,
    ):
        found = asking.side(client, first), asking.side(second_client, second)
        one, other = asking.sides(*found, servers=servers)
        asked = asking.read(data, one, other, options)
        task = bar.add_task("asking both versions", total=2 * len(asked.items))
        changes = asking.compare(
            one, other, asked, threshold=threshold, advance=lambda done: bar.advance(task, done)
        )
    if html is not None:
        write(comparison.html(changes), html)
        err.print(f"Written: {html}", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print_json(changes.as_dict())
    else:
        comparison.show(changes, out)
