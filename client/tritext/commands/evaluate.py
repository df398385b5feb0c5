"""`tritext evaluate`: a task's metrics through the server, beside those of the checkpoint it was built from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tritext.commands.predict import NAME_HELP, URL_HELP

if TYPE_CHECKING:
    from rich.table import Table

    from tritext import Client
    from tritext.records import LabelledTexts
    from tritext_perf.evaluation import Agreement, Metrics, Probabilities

ROWS_AT_ONCE = 256

Answer = Callable[[Sequence[str]], "Probabilities"]
"""From texts to FP32 [texts, labels]."""


def evaluate(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    data: Annotated[
        Path,
        typer.Option(
            help="Labelled texts (CSV, TSV, JSON, JSONL, Parquet) that the model was not trained on."
        ),
    ],
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="The checkpoint that the model was built from, as for `tritext build`: it answers the same texts "
            "in PyTorch, and what serving changed is shown beside."
        ),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub checkpoint.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Column of the texts. Default: guessed.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the labels. Default: guessed.")] = None,
    label_separator: Annotated[
        str | None,
        typer.Option(
            help="What separates several labels in one field, such as ','; makes the task multi-label."
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, help="Multi-label only: the probability from which a label counts."),
    ] = 0.5,
    version: Annotated[str, typer.Option(help="A version of the model; the newest if not given.")] = "",
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    timeout: Annotated[float, typer.Option(help="Seconds for each request, its retries included.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")] = False,
) -> None:
    """Measure a served model on labelled texts: accuracy, macro- and micro-F1, and each label's figures.

    What is measured is the whole way that clients go: tokenizer, network in the precision it was built in,
    and limits.
    """
    from tritext import Client
    from tritext.records import read_labelled_texts

    rows = read_labelled_texts(
        data, text_column=text_column, label_column=label_column, label_separator=label_separator
    )
    from tritext_perf import evaluation

    with Client(url, timeout=timeout) as client:
        labels = client.labels(name, version=version)
        truth: dict[str, Any] = {"multi_label": rows.multi_label, "threshold": threshold}
        evaluation.check_labels(rows.labels, labels, path=rows.path)
        original = _original(client, name, checkpoint, revision, labels) if checkpoint else None
        served = _in_portions(
            rows.texts,
            lambda texts: client.probabilities(name, texts, version=version),
            size=ROWS_AT_ONCE,
            what="asking the server",
        )
    columns, agreement = {"served": evaluation.score(rows.labels, served, labels, **truth)}, None
    if original is not None:
        scores = _in_portions(rows.texts, original, size=1, what="asking the checkpoint")
        columns["checkpoint"] = evaluation.score(rows.labels, scores, labels, **truth)
        agreement = evaluation.agreement(served, scores, **truth)
    _show(name, rows, columns, agreement, as_json=as_json)


def _original(
    client: "Client", name: str, source: str, revision: str | None, labels: Sequence[str]
) -> Answer:
    """What the checkpoint answers in PyTorch, its columns in the order of the served labels."""
    with _bar("reading the checkpoint", None):
        from tritext_build.checkpoint import open_checkpoint
        from tritext_build.reference import Reference

        opened, model = open_checkpoint(source, revision=revision)
    from tritext_perf.evaluation import check_same_labels, reordered

    check_same_labels(opened.labels, labels)
    reference = Reference(opened, model, max_length=_max_length(client, name))
    return lambda texts: reordered(reference.outputs(texts)[1], original=opened.labels, served=labels)


def _max_length(client: "Client", name: str) -> int:
    """The served model's longest input in tokens: the width of its tokenizer's rows."""
    from tritext import IncompatibleModel

    step = f"{name}_tokenizer"
    rows = client.model(step).output("input_ids")
    if rows is None:
        raise IncompatibleModel(name=step, expected="an output input_ids", got="none")
    return rows.shape[-1]


def _in_portions(texts: Sequence[str], answer: Answer, *, size: int, what: str) -> "Probabilities":
    import numpy as np

    portions = []
    with _bar(what, len(texts)) as advance:
        for start in range(0, len(texts), size):
            portions.append(answer(texts[start : start + size]))
            advance(len(portions[-1]))
    return np.concatenate(portions)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar with the rate so far; call what it yields with the texts that are done."""
    from rich.progress import Task, TextColumn

    from tritext.console import progress

    class Rate(TextColumn):
        def render(self, task: Task) -> Any:
            return f"{task.completed / (task.elapsed or 1):,.0f} texts/s" if task.total else ""

    bar = progress()
    bar.columns = (*bar.columns, Rate(""))
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def _show(
    name: str,
    rows: "LabelledTexts",
    columns: dict[str, "Metrics"],
    agreement: "Agreement | None",
    *,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from tritext.console import out, print_json

    if as_json:
        figures: dict[str, Any] = {column: metrics.as_dict() for column, metrics in columns.items()}
        figures["agreement"] = asdict(agreement) if agreement else None
        print_json({"model": name, "data": str(rows.path), "rows": len(rows), **figures})
        return
    out.print(_summary(name, rows, columns))
    out.print(_per_label(columns))
    if agreement:
        out.print(
            f"Same labels as the checkpoint on {agreement.labels:.2%} of the texts; "
            f"largest difference of a probability {agreement.largest_difference:.2g}.",
            highlight=False,
        )


def _summary(name: str, rows: "LabelledTexts", columns: dict[str, "Metrics"]) -> "Table":
    from rich.table import Table

    table = Table("metric", title=f"{name} on {len(rows):,} texts", title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for metric in ("accuracy", "macro_f1", "micro_f1"):
        table.add_row(
            metric.replace("_f1", "-F1"),
            *(f"{getattr(metrics, metric):.4f}" for metrics in columns.values()),
        )
    return table


def _per_label(columns: dict[str, "Metrics"]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table("label")
    for heading in (
        "precision",
        "recall",
        "F1",
        *(f"F1 of the {name}" for name in list(columns)[1:]),
        "texts",
    ):
        table.add_column(heading, justify="right")
    for scores in zip(*(metrics.labels for metrics in columns.values()), strict=True):
        served = scores[0]
        figures = (served.precision, served.recall, *(each.f1 for each in scores))
        table.add_row(escape(served.label), *(f"{figure:.3f}" for figure in figures), f"{served.support:,}")
    return table
