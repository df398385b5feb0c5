"""`tritext rollback`: its options; the work is done by `tritext_serving`."""

from typing import Annotated

import typer

from tritext.commands.deploy import URL_HELP


def rollback(
    name: Annotated[str, typer.Argument(help="The model.")],
    url: Annotated[list[str] | None, typer.Option(envvar="TRITEXT_CONTROL_URL", help=URL_HELP)] = None,
    drain_timeout: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds that requests to the old version get to be answered after the swap."
        ),
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Make the version live again that was live before the last `tritext deploy`, in the same careful way.

    Each server knows the versions before by itself; once more goes one further back.
    """
    from tritext_serving.rollouts import showing
    from tritext_serving.rollouts.several import Order

    order = Order(name=name, urls=tuple(url or ["localhost:8000"]), drain_timeout=drain_timeout)
    showing.run(order, as_json=as_json)
