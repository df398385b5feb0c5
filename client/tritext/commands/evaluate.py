"""`tritext evaluate`: a task's metrics through the server, beside those of the checkpoint it was built from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tritext.commands.predict import NAME_HELP, URL_HELP

if TYPE_CHECKING:
    from tritext import Client
    from tritext_perf.evaluation import Ask, Evaluation, Served

COLUMNS = "Columns of the data, guessed from their names if not given"


def _column(what: str) -> Any:
    return typer.Option(help=f"Column of {what}.", rich_help_panel=COLUMNS)


def evaluate(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    data: Annotated[
        Path,
        typer.Option(
            help="Labelled data of the model's task that it was not trained on: CSV, TSV, JSON, JSONL, Parquet; for "
            "tokens and tags also CoNLL's columns, for questions also SQuAD's JSON."
        ),
    ],
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="The checkpoint that the model was built from, as for `tritext build`: it answers the same data "
            "in PyTorch, and what serving changed is shown beside."
        ),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub checkpoint.")] = None,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle",
            help="Read the checkpoint's weights from `pytorch_model.bin` where there are no safetensors. Only for "
            "checkpoints whose author you trust.",
        ),
    ] = False,
    text_column: Annotated[str | None, _column("the texts")] = None,
    text_pair_column: Annotated[str | None, _column("the second texts of pairs")] = None,
    label_column: Annotated[str | None, _column("the labels, or of the relevance to a query")] = None,
    score_column: Annotated[str | None, _column("the numbers, where a number is predicted")] = None,
    tokens_column: Annotated[str | None, _column("the lists of tokens")] = None,
    tags_column: Annotated[str | None, _column("the lists of tags")] = None,
    spans_column: Annotated[str | None, _column("the lists of entities in the text")] = None,
    question_column: Annotated[str | None, _column("the questions")] = None,
    context_column: Annotated[str | None, _column("the contexts that answer them")] = None,
    answer_column: Annotated[str | None, _column("the answers")] = None,
    answer_start_column: Annotated[
        str | None, _column("the places where the answers begin, in characters")
    ] = None,
    query_column: Annotated[str | None, _column("the queries")] = None,
    candidate_labels_column: Annotated[
        str | None, _column("each text's own candidate labels; all labels of the data, if there is none")
    ] = None,
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
    hypothesis_template: Annotated[
        str | None,
        typer.Option(
            help="Zero-shot only: the sentence that a label is put into, at {}. Default: the model's."
        ),
    ] = None,
    version: Annotated[str, typer.Option(help="A version of the model; the newest if not given.")] = "",
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    timeout: Annotated[float, typer.Option(help="Seconds for each request, its retries included.")] = 60.0,
    log: Annotated[
        bool,
        typer.Option(
            "--log",
            help="Tell the registry (MLflow): the figures become those of the registered version of the same number.",
        ),
    ] = False,
    registered_name: Annotated[
        str | None,
        typer.Option(help="With --log: what the model is registered as, if it is served by another name."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")] = False,
) -> None:
    """Measure a served model on labelled data, by the usual metrics of its task.

    Accuracy and F1 of labels, entities as seqeval counts them, exact match and F1 of answers as SQuAD's script
    does, correlations of numbers and similarities, MRR, MAP and nDCG of rankings. What is measured is the whole
    way that clients go: tokenizer, network in the precision it was built in, and limits.
    """
    columns = {
        kind.removesuffix("_column"): asked for kind, asked in locals().items() if kind.endswith("_column")
    }
    from tritext import Client
    from tritext_perf.evaluation import Options, read_evaluation

    options = Options(
        columns={kind: asked for kind, asked in columns.items() if asked is not None},
        label_separator=label_separator,
        threshold=threshold,
        hypothesis_template=hypothesis_template,
    )
    with Client(url, timeout=timeout) as client:
        served = _served(client, name, version)
        evaluation = read_evaluation(data, served, options)
        if checkpoint:
            original = _original(client, served, checkpoint, revision=revision, allow_pickle=allow_pickle)
        else:
            original = None
        answers = {"served": _answers(evaluation, _server(client, name, version), "asking the server")}
    if original is not None:
        answers["checkpoint"] = _answers(evaluation, original, "asking the checkpoint")
    number = int(version or max(served.model.versions))
    document = _document(name, number, evaluation, answers)
    if log:
        _log(registered_name or name, document)
    if as_json:
        from tritext.console import print_json

        print_json(document)
    else:
        _show(name, evaluation, document)


# ---- who answers


def _served(client: "Client", name: str, version: str) -> "Served":
    from tritext_perf.evaluation import Served

    model = client.model(name, version=version)
    has_labels = model.output("PROBABILITIES") is not None
    return Served(model=model, labels=client.labels(name, version=version) if has_labels else ())


def _server(client: "Client", name: str, version: str) -> "Ask":
    def ask(items: Iterable[Any], **options: Any) -> Iterator[Any]:
        return client.stream(name, items, version=version, **options)

    return ask


def _original(client: "Client", served: "Served", source: str, **how: Any) -> "Ask":
    from tritext.commands.originals import original, width

    with _bar("reading the checkpoint", None):
        return original(served.model, source, max_length=width(client, served.model.name), **how)


def _answers(evaluation: "Evaluation", ask: "Ask", what: str) -> Sequence[Any]:
    found = []
    with _bar(what, len(evaluation.items), noun=evaluation.noun) as advance:
        for answer in evaluation.answers(ask):
            found.append(answer)
            advance(1)
    return found


@contextmanager
def _bar(what: str, total: int | None, *, noun: str = "") -> Iterator[Callable[[int], None]]:
    """A progress bar with the rate so far; call what it yields with the items that are done."""
    from rich.progress import Task, TextColumn

    from tritext.console import progress

    class Rate(TextColumn):
        def render(self, task: Task) -> Any:
            return f"{task.completed / (task.elapsed or 1):,.0f} {noun}/s" if task.total else ""

    bar = progress()
    bar.columns = (*bar.columns, Rate(""))
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


# ---- what is shown


def _document(
    name: str, version: int, evaluation: "Evaluation", answers: dict[str, Sequence[Any]]
) -> dict[str, Any]:
    """What was measured, as JSON: the figures of each who answered, and how often they agree."""
    labels = {who: evaluation.per_label(given) for who, given in answers.items()}
    return {
        "model": name,
        "version": version,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "task": evaluation.task,
        "data": str(evaluation.path),
        "rows": len(evaluation.items),
        **{
            who: evaluation.overall(given) | ({"labels": labels[who]} if labels[who] else {})
            for who, given in answers.items()
        },
        "agreement": evaluation.agreement(*answers.values()) if len(answers) > 1 else None,
    }


def _log(registered_name: str, document: dict[str, Any]) -> None:
    """Keep the figures with the registered version that is served under its own number."""
    from tritext.registry import registry

    store = registry()
    store.log_evaluation(store.resolve(f"models:/{registered_name}/{document['version']}"), document)


def _show(name: str, evaluation: "Evaluation", document: dict[str, Any]) -> None:
    from tritext.console import out
    from tritext_perf.evaluation.showing import agreement_line, label_table, metric_table

    measured: dict[str, Any] = {
        who: dict(document[who]) for who in ("served", "checkpoint") if who in document
    }
    labels: dict[str, Any] = {who: figures.pop("labels", []) for who, figures in measured.items()}
    out.print(metric_table(f"{name} on {len(evaluation.items):,} {evaluation.noun}", measured))
    if labels["served"]:
        out.print(label_table(labels))
    if document["agreement"]:
        out.print(agreement_line(document["agreement"]), highlight=False)
