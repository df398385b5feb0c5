"""`tritext deploy`: its options; the work is done by `tritext_serving`."""

import re
from pathlib import Path
from typing import Annotated

import typer

URL_HELP = (
    "Host and HTTP port of a server; several times for several servers, which are taken in turn. The first that fails ends "
    "it, the rest keep what they serve."
)


def _share(value: str) -> float:
    """A share as a person writes it: `10%`, or `0.1`."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", value.strip())
    share = float(number[1]) / (100 if number[2] else 1) if number else -1.0
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"expected a share such as 10% or 0.1, not {value!r}")
    return share


def deploy(
    name: Annotated[str, typer.Argument(help="The model.")],
    version: Annotated[
        int,
        typer.Option(min=1, help="The version to make live. It must be complete in the servers' repository."),
    ],
    url: Annotated[list[str] | None, typer.Option(envvar="TRITEXT_CONTROL_URL", help=URL_HELP)] = None,
    canary: Annotated[
        str | None,
        typer.Option(
            help="Before the swap, ask both versions this share of the texts of --data (10%, 0.1) and tell what changes; "
            "above --max-changed the swap is refused."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Texts for --canary: CSV, TSV, JSON, JSON Lines, Parquet, or plain text, one a line. For tasks with several "
            "inputs, columns of their names (question, context, …)."
        ),
    ] = None,
    max_changed: Annotated[
        str, typer.Option(help="The share of these texts whose answers may say something else.")
    ] = "2%",
    seed: Annotated[int, typer.Option(help="For the choice of texts.")] = 0,
    drain_timeout: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds that requests to the old version get to be answered after the swap."
        ),
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Make another version of a model live on running servers, without a failed request.

    The version is loaded beside the live one and must answer its build's probes as it did then; the swap is one step of
    Triton's; the old version is drained and dropped. Cut off at any moment, the server serves one version wholly:
    `tritext status` says which, and the next rollout tidies up. Servers are those that `tritext serve` runs.
    """
    from tritext_serving.rollouts import showing
    from tritext_serving.rollouts.several import Order
    from tritext_serving.rollouts.shadow import Shadow

    if (canary is None) != (data is None):
        raise typer.BadParameter("--canary and --data go together: a share, and the texts to take it from")
    order = Order(
        name=name,
        urls=tuple(url or ["localhost:8000"]),
        version=version,
        shadow=Shadow(data=data, share=_share(canary), seed=seed) if data and canary else None,
        max_changed=_share(max_changed),
        drain_timeout=drain_timeout,
    )
    showing.run(order, as_json=as_json)
