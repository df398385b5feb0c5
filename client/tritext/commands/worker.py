"""`tritext worker`: does queued jobs; the work is done by `tritext_jobs`."""

from typing import Annotated

import typer


def worker(
    concurrency: Annotated[
        int,
        typer.Option(
            min=1,
            help="Jobs at once. A training or a build takes all cores by itself; more suit predictions, whose work is "
            "the server's.",
        ),
    ] = 1,
) -> None:
    """Do queued jobs: train, build, evaluate, predict, release.

    Jobs are kept at TRITEXT_DATABASE_URL (PostgreSQL) and announced at TRITEXT_BROKER_URL (Redis or RabbitMQ); without
    these variables in the folder `jobs`, with no server at all. Any number of workers may share a queue. Whatever ends
    one, another goes on with its jobs.
    """
    from tritext_jobs.settings import Settings
    from tritext_jobs.worker import work

    work(Settings.of(), concurrency=concurrency)
