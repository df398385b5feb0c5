"""`tritext report`: everything about one version on one page; the work is done by `tritext_perf.version_report`."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    source: Annotated[
        str,
        typer.Argument(
            help="What the report is about: a checkpoint's folder, a model version NAME/3 of the repository (the newest "
            "without a number), or a registered version models:/NAME/7."
        ),
    ],
    repository: Annotated[Path, typer.Option(help="The model repository.")] = Path("model_repository"),
    name: Annotated[
        str | None,
        typer.Option(
            help="The model, or NAME/VERSION, that the checkpoint was built as, where it was built several times."
        ),
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(help="The served evaluation: what `tritext evaluate NAME --data FILE --json` printed."),
    ] = None,
    bench: Annotated[
        Path | None,
        typer.Option(help="Speed and latency: what `tritext bench NAME --data FILE --json` printed."),
    ] = None,
    output: Annotated[Path, typer.Option(help="The page to write; an older one is replaced.")] = Path(
        "report.html"
    ),
    log: Annotated[
        bool, typer.Option("--log", help="Keep the page with the registered version, too.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what the report holds and what it lacks, for programs.")
    ] = False,
) -> None:
    """Write one HTML page about a model version, to be read on a phone, mailed or printed.

    Training, the build's gates, the evaluation through the server, false predictions, speed and provenance. What is
    not there is said to be missing, with the command that makes it. The page is a single file that asks for nothing
    from outside.
    """
    from tritext.console import err, print_json
    from tritext_perf import version_report
    from tritext_perf.version_report.missing import missing
    from tritext_perf.version_report.registered import log as log_page
    from tritext_perf.version_report.registered import require_registered

    if log:
        require_registered(source)
    found = version_report.gather(source, models=repository, name=name, evaluation=evaluation, bench=bench)
    version_report.write(version_report.html(found), output)
    if log:
        log_page(source, output)
    lacking = missing(found)
    if as_json:
        print_json({"report": str(output), "version": found.title, "missing": list(lacking)})
        return
    err.print(f"Written: {output}", highlight=False, markup=False, soft_wrap=True)
    for part in lacking.values():
        err.print(f"{part.sentence}\n  {part.command}", highlight=False, markup=False, soft_wrap=True)
