"""`tritext explain`: what each word of a text adds to the answer of a served classifier."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tritext.commands.predict import NAME_HELP, URL_HELP


def explain(
    name: Annotated[str, typer.Argument(help=f"{NAME_HELP} It must have been built with --explain.")],
    text: Annotated[
        str | None,
        typer.Argument(
            help="The text; without it standard input is read. Put `--` before a text that begins with `-`."
        ),
    ] = None,
    pair: Annotated[str | None, typer.Option(help="The second text, for a model that compares two.")] = None,
    label: Annotated[
        str | None, typer.Option(help="The label to explain; the best one if not given.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="In how many orders words are uncovered, where they are too many to try every set of them. More is "
            "more precise and takes longer; about 512 rows' worth if not given."
        ),
    ] = None,
    truncation: Annotated[
        str | None, typer.Option(help="Texts that are too long: `truncate` cuts them, `error` refuses them.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write the coloured text and all numbers to this HTML file.")
    ] = None,
    version: Annotated[str, typer.Option(help="A version of the model; the newest if not given.")] = "",
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    timeout: Annotated[float, typer.Option(help="Seconds for the answer, retries included.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Tell what each word of a text adds to a classifier's answer: its Shapley value.

    A word counts by how much the label's logit rises when it is uncovered, on average over the orders in which the words
    can be uncovered. The sum over all words is the whole text's logit less that of the text with every word masked. The
    network asked is the served one, in its own format and precision.
    """
    from tritext import Client, RetryPolicy, explanation_page, explanation_text
    from tritext.console import err, out, print_json

    text = sys.stdin.read().rstrip("\n") if text is None else text
    texts = (text,) if pair is None else (text, pair)
    with Client(url, timeout=timeout, retry=RetryPolicy(attempts=4)) as client:
        found = client.explain(
            name,
            text if pair is None else (text, pair),
            label=label,
            samples=samples,
            truncation=truncation,
            version=version,
        )
    if as_json:
        print_json(asdict(found))
    else:
        explanation_text.show(out, texts, found)
    if html:
        explanation_page.write(html, explanation_page.page(name, texts, found))
        err.print(f"Written to {html}", highlight=False, markup=False)
