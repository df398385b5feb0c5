"""`tritext capacity`: how many servers a rate of texts needs, from a benchmark of one."""

from pathlib import Path
from typing import Annotated

import typer


def capacity(
    benchmark: Annotated[
        Path,
        typer.Argument(
            help="A folder that `tritext bench` wrote, with one user and many: `--users 1,8,64,200`. Rates in it are held "
            "against what the simulation says."
        ),
    ],
    rate: Annotated[
        float,
        typer.Option(
            help="Texts a second, on average, that arrive at random (Poisson) from all clients together."
        ),
    ],
    p99: Annotated[str, typer.Option(help="What 99 of 100 answers must keep, such as 100ms.")],
    cores: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Processors of the measured server. Default: of the machine that the benchmark ran on, if the server ran there; "
            "otherwise one for each instance of a step.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The folder for capacity.json and capacity.png. Default: the benchmark's."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print capacity.json instead of the tables.")
    ] = False,
) -> None:
    """Say how many servers such as the measured one a load needs.

    Servers that behave as the benchmark found one to behave are simulated behind a balancer, which gives each text to
    the server with the fewest unanswered ones. How far to believe that, a table says: every load of the benchmark,
    measured and simulated.
    """
    from tritext.console import out, print_json, progress
    from tritext_perf.capacity import plan, showing
    from tritext_perf.tuning.objective import milliseconds

    limit = milliseconds(p99)
    folder = output or (benchmark if benchmark.is_dir() else benchmark.parent)
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        found = plan.make(
            benchmark, rate=rate, p99=limit, cores=cores, tell=lambda what: bar.update(task, description=what)
        )
        plan.write(found, folder, tell=lambda what: bar.update(task, description=what))
    if as_json:
        print_json(found.as_dict())
        return
    showing.show(found, out)
    out.print(f"Written to {folder}: {plan.JSON}, {plan.PNG}", highlight=False, soft_wrap=True)
