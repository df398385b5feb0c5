"""`tritext tune`: which settings serve your load best; joins serving, which knows settings, and perf, which measures."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from tritext_perf.tuning.report import TuneReport
    from tritext_perf.tuning.tuning import Settings, TuneRequest
    from tritext_serving.step_settings import StepSettings
    from tritext_serving.tunable import Tunable

LOAD = "The load to tune for"


def tune(
    name: Annotated[str, typer.Argument(help="The model of the repository.")],
    data: Annotated[
        Path,
        typer.Option(
            help="The texts to send: CSV, TSV, JSON, JSON Lines, Parquet, or plain text, one a line. Yours, since what is "
            "best depends on how long they are."
        ),
    ],
    repository: Annotated[
        Path, typer.Option(help="The model repository, as `tritext build` writes it.")
    ] = Path("model_repository"),
    users: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=LOAD,
            help="Closed loop: so many users at once, each sending a text when the last one was answered. The most texts a "
            "second win. Default: 64.",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=LOAD,
            help="Open loop: so many texts a second on average, arriving at random (Poisson). The lowest p99 wins.",
        ),
    ] = None,
    p99: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=LOAD,
            help="What 99 of 100 answers must keep, such as 50ms: only settings that do so in every measurement may win.",
        ),
    ] = None,
    budget: Annotated[float, typer.Option(help="Minutes for all measurements.")] = 10.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing into the repository.")] = False,
    keep_best: Annotated[
        bool,
        typer.Option("--keep-best", help="If no setting keeps --p99, write the one that comes closest."),
    ] = False,
    tritonserver: Annotated[
        Path | None, typer.Option(help="The tritonserver to run, as for `tritext serve`.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds until the model must be ready; big ones take long to load.")
    ] = 300.0,
    max_samples: Annotated[
        int, typer.Option(help="Send only so many different texts, over and over, in random order.")
    ] = 500,
    seed: Annotated[int, typer.Option(help="For the choice of texts and their order.")] = 0,
    text_column: Annotated[
        str | None,
        typer.Option(help="The column of texts: a name, or a number from 0 if the file has no header."),
    ] = None,
    perf_analyzer: Annotated[
        Path | None, typer.Option(help="NVIDIA's load generator, as for `tritext bench`.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="A new folder for results.json, results.csv, tune.png, config.pbtxt and raw/. Default: tune/NAME-DATE."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json instead of the table.")] = False,
) -> None:
    """Find the settings that serve your load best, and write them into the model's config.pbtxt.

    Instances, threads, and how batches are formed are tried on your texts, each on a Triton of its own, apart from
    the repository and from any server that runs. Only a gain that is larger than the noise of the measurements
    replaces what is served now. Exit status 1 says that no setting keeps --p99; nothing is written then, nor
    after Ctrl+C.
    """
    from tritext.console import progress
    from tritext_perf.tuning.objective import objective
    from tritext_perf.tuning.tuning import TuneRequest, run
    from tritext_serving import tunable

    request = TuneRequest(
        model=name,
        data=data,
        objective=objective(users=users, rate=rate, p99=p99),
        budget=budget,
        keep_best=keep_best,
        seed=seed,
        max_samples=max_samples,
        text_column=text_column,
        perf_analyzer=perf_analyzer,
        output=output,
    )
    model = tunable.find(repository, name)
    if not dry_run:
        model.check_writable()
    settings = _settings(model, request, tritonserver=tritonserver, timeout=timeout)
    with progress() as bar:
        task = bar.add_task("starting", total=1.0)
        report, folder = run(
            request, settings, lambda what, done: bar.update(task, description=what, completed=done)
        )
    report = _put_to_use(report, model, folder, dry_run=dry_run)
    _show(report, folder, as_json=as_json)
    if report.interrupted:
        raise KeyboardInterrupt
    if report.verdict is None or report.verdict.winner is None:
        raise typer.Exit(1)


def _settings(model: "Tunable", request: "TuneRequest", **serving: Any) -> "Settings":
    """What may be tried on this machine, and how to serve it."""
    from tritext_perf.tuning.tuning import Settings
    from tritext_serving import candidates, plan
    from tritext_serving.cores import usable_cores

    gpu, scenario = model.step.backend in plan.on_gpu(), request.objective.scenario
    users = scenario.load if scenario.kind == "users" else None
    return Settings(
        default=model.default,
        first=candidates.parallel(model.default, cores=usable_cores(), gpu=gpu),
        refine=lambda settings: candidates.batching(settings, users=users, gpu=gpu),
        serve=lambda settings: model.served(settings, **serving),
    )


def _put_to_use(report: "TuneReport", model: "Tunable", folder: Path, *, dry_run: bool) -> "TuneReport":
    """Write the winner's config, into the repository too unless it is a dry run, and in any case the results."""
    from tritext_perf.tuning.report import write

    try:
        if report.changes is not None:
            changes = cast("StepSettings", report.changes)
            (folder / "config.pbtxt").write_text(model.with_settings(changes), encoding="utf-8")
            if not dry_run:
                model.write(changes)
                report = replace(report, written=str(model.path))
    finally:
        write(report, folder)
    return report


def _show(report: "TuneReport", folder: Path, *, as_json: bool) -> None:
    from tritext.console import out, print_json
    from tritext_perf.tuning.showing import show

    if as_json:
        print_json(report.as_dict())
        return
    show(report, out)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    out.print(f"Results in {folder}: {files}", highlight=False, soft_wrap=True)
    if report.written:
        out.print(
            f"Written: {report.written}. A server that runs takes it up when it is started again.",
            highlight=False,
            soft_wrap=True,
        )
