"""`tritext status`: its options; the work is done by `tritext_serving`."""

from typing import Annotated

import typer


def status(
    url: Annotated[str, typer.Option(help="Host and HTTP port of the server.")] = "localhost:8000",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Show it anew every few seconds, with the rates in between, until Ctrl+C."
        ),
    ] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks, with --watch.")] = 2.0,
) -> None:
    """Tell which models a Triton serves, whether they are ready, and how fast they have been so far.

    Below each ensemble stand its steps. Times are means over all successful requests since the model was loaded: the
    whole stay, the wait in the queue, and the computation.
    """
    from tritext_serving import status as serving_status

    serving_status.show(url, as_json=as_json, every=interval if watch else None)
