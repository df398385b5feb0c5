"""`tritext bench`: how fast a served model is, on your own texts."""

from pathlib import Path
from typing import Annotated

import typer


def _print_perf_analyzer(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if not wanted:
        return
    from tritext_perf import installation

    print(installation.find().path)  # noqa: T201
    raise typer.Exit


def bench(
    name: Annotated[str, typer.Argument(help="The served model.")],
    data: Annotated[
        Path,
        typer.Option(
            help="The texts to send: CSV, TSV, JSON, JSON Lines, Parquet, or plain text, one a line. Yours, since speed "
            "depends on how long they are. With labels, the model's quality is told beside its speed."
        ),
    ],
    users: Annotated[
        str,
        typer.Option(
            help="Closed loop: so many users at once, each sending a text when the last one was answered. Shows what the "
            "server can do at most, and what that costs in latency. Empty for none."
        ),
    ] = "1,8,64,200",
    rate: Annotated[
        str,
        typer.Option(
            help="Open loop: so many texts a second on average, arriving at random (Poisson), as from independent callers "
            "who do not wait for each other. Shows the latency that they will see."
        ),
    ] = "",
    url: Annotated[
        str,
        typer.Option(
            envvar="TRITEXT_URL",
            help="The server: host:port or grpc://host:port for gRPC, http://host:port for HTTP. gRPC costs the client less.",
        ),
    ] = "localhost",
    version: Annotated[
        int | None, typer.Option(help="The model's version; the highest that is ready if not given.")
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            help="Length of a measurement window. Each load gets three: from their agreement one sees whether to believe "
            "the figures."
        ),
    ] = 5.0,
    stability: Annotated[
        float,
        typer.Option(
            help="By what share the three windows may differ before the load is measured again. What stays unsteady is "
            "reported as such."
        ),
    ] = 0.1,
    attempts: Annotated[int, typer.Option(help="How often at most; the steadiest attempt counts.")] = 3,
    max_samples: Annotated[
        int, typer.Option(help="Send only so many different texts, over and over, in random order.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="For the choice of texts and their order.")] = 0,
    text_column: Annotated[
        str | None,
        typer.Option(help="The column of texts: a name, or a number from 0 if the file has no header."),
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="The column of labels, likewise.")] = None,
    label_separator: Annotated[
        str | None, typer.Option(help="What separates several labels in one field, such as a comma.")
    ] = None,
    perf_analyzer: Annotated[
        Path | None,
        typer.Option(
            help="NVIDIA's load generator. Without this, the one on PATH; without that, one from its pinned wheel, put "
            "into the cache on first use."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="A new folder for results.json, results.csv, bench.png and raw/. Default: bench/NAME-DATE."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print results.json instead of the tables.")
    ] = False,
    print_perf_analyzer: Annotated[  # noqa: ARG001 - its callback has done the work
        bool,
        typer.Option(
            "--print-perf-analyzer",
            is_eager=True,
            callback=_print_perf_analyzer,
            help="Print the path of a perf_analyzer that runs here, for use by hand, and do nothing else.",
        ),
    ] = False,
) -> None:
    """Measure a served model under load: throughput, latency, and where the time goes.

    NVIDIA's perf_analyzer makes the load, with raw strings. Exit status 1 says that a load gave no figures; those
    of the others are kept, as they are after Ctrl+C.
    """
    from tritext.console import out, print_json, progress
    from tritext_perf import benchmark, card
    from tritext_perf.scenario import scenarios
    from tritext_perf.sweep import Care

    request = benchmark.BenchRequest(
        model=name,
        data=data,
        scenarios=scenarios(users=users, rates=rate),
        url=url,
        version=version,
        care=Care(seconds=seconds, stability=stability, attempts=attempts),
        seed=seed,
        max_samples=max_samples,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        perf_analyzer=perf_analyzer,
        output=output,
    )
    with progress() as bar:
        task = bar.add_task("starting", total=1.0)
        report, folder = benchmark.run(
            request, lambda what, done: bar.update(task, description=what, completed=done)
        )
    if as_json:
        print_json(report.as_dict())
    else:
        card.show(report, out)
        out.print(
            f"Written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}",
            highlight=False,
        )
    if report.interrupted:
        raise KeyboardInterrupt
    if report.failed:
        raise typer.Exit(1)
