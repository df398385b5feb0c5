"""`tritext predict`: texts in, labels out, from a running server."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tritext import Client, InvalidText, Label

    Answer = list[Label] | InvalidText

SOME_TEXTS_FAILED = 1
"""Exit status where `--keep-going` went on after bad texts."""

NAME_HELP = "The model, as `tritext status` lists it."
URL_HELP = (
    "The server: host:port for gRPC, http://host:port for HTTP, grpcs:// or https:// for TLS. "
    "The environment variable TRITEXT_URL does the same."
)


def predict(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts. Without any, and without --file, standard input is read, one text a line. "
            "Put `--` before a text that begins with `-`."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Read the texts from CSV, TSV, JSON, JSONL, Parquet, or TXT (one a line)."),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="The column of texts in the file. Default: guessed.")
    ] = None,
    top_k: Annotated[str, typer.Option(help="Labels for each text, best first: a number, or `all`.")] = "1",
    function_to_apply: Annotated[
        str | None,
        typer.Option(
            help="`softmax`, `sigmoid` or `none` (raw logits). Default: the model's own, so that scores are "
            "probabilities."
        ),
    ] = None,
    truncation: Annotated[
        str | None,
        typer.Option(help="`truncate` cuts texts that are too long (default), `error` refuses them."),
    ] = None,
    keep_going: Annotated[
        bool,
        typer.Option(
            help="Report bad texts and go on. Without it the first one ends the run. Exit status 1 says there were some."
        ),
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Texts in one request; the most that the model takes if not given, which is fastest. "
            "1 answers each line of a slow input as soon as it is there."
        ),
    ] = None,
    version: Annotated[str, typer.Option(help="A version of the model; the newest if not given.")] = "",
    url: Annotated[str, typer.Option(envvar="TRITEXT_URL", help=URL_HELP)] = "localhost:8001",
    timeout: Annotated[float, typer.Option(help="Seconds for each request, its retries included.")] = 30.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document for each text, a line each.")
    ] = False,
) -> None:
    """Classify texts with a served model.

    Prints a table for texts on the command line; for standard input and files one line for each label:
    label, score, text, separated by tabs. Exit status 4 says that the server could not be reached, or not
    in time.
    """
    from tritext import Client, RetryPolicy

    options = {
        "errors": "return" if keep_going else "raise",
        "top_k": top_k,  # as it stands: the server reads numbers, and says what is wrong with others
        "function_to_apply": function_to_apply,
        "truncation": truncation,
        "version": version,
        "batch_size": batch_size,
    }
    show = _as_json if as_json else _as_table if texts else _as_lines
    in_flight = 1 if batch_size == 1 else 4
    with Client(url, timeout=timeout, in_flight=in_flight, retry=RetryPolicy(attempts=4)) as client:
        bad = show(_answered(client, name, _source(texts, file, text_column), options))
    if bad:
        raise typer.Exit(SOME_TEXTS_FAILED)


def _source(texts: list[str] | None, file: Path | None, text_column: str | None) -> Iterable[str]:
    """The texts of the command line, of a file, or else of standard input, line by line as they come."""
    from tritext.console import err

    if texts and file:
        raise typer.BadParameter("give texts or --file, not both")
    if texts:
        return texts
    if file:
        from tritext.records import read_texts

        return read_texts(file, text_column=text_column)
    if sys.stdin.isatty():
        err.print("One text a line; Ctrl+D ends.")
    # What is not UTF-8 goes on as lone surrogates, so that it is refused with its place like any bad text.
    return (line.rstrip(b"\r\n").decode("utf-8", "surrogateescape") for line in sys.stdin.buffer)


def _answered(
    client: "Client", name: str, texts: Iterable[str], options: dict[str, Any]
) -> Iterator[tuple[str, "Answer"]]:
    """Each text with its answer."""
    waiting: deque[str] = deque()

    def remembered() -> Iterator[str]:
        for text in texts:
            waiting.append(text)
            yield text

    for answer in client.stream(name, remembered(), **options):
        yield waiting.popleft(), answer


def _as_json(answered: Iterable[tuple[str, "Answer"]]) -> int:
    from tritext.console import print_json

    def write(text: str, answer: "Answer") -> None:
        if isinstance(answer, Exception):
            print_json({"text": _printable(text), "error": str(answer)})
        else:
            labels = [{"label": label.label, "score": label.score} for label in answer]
            print_json({"text": text, "labels": labels})

    return _written(answered, write)


def _as_lines(answered: Iterable[tuple[str, "Answer"]]) -> int:
    def write(text: str, answer: "Answer") -> None:
        if isinstance(answer, Exception):
            _complain(answer)
        else:
            one_line = " ".join(text.split())
            for label in answer:
                print(f"{label.label}\t{label.score:.4f}\t{one_line}")  # noqa: T201

    return _written(answered, write)


def _written(answered: Iterable[tuple[str, "Answer"]], write: Callable[[str, "Answer"], None]) -> int:
    """Write each answer as soon as it is there; returns the number of bad texts."""
    bad = 0
    try:
        for text, answer in answered:
            write(text, answer)
            sys.stdout.flush()
            bad += isinstance(answer, Exception)
    except BrokenPipeError:
        # The reader has seen enough, as in `| head`. Nothing is left to write to, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return bad


def _as_table(answered: Iterable[tuple[str, "Answer"]]) -> int:
    from rich.markup import escape
    from rich.table import Table

    from tritext.console import out

    table, bad = Table("text", "label"), 0
    table.add_column("score", justify="right")
    for text, answer in answered:
        if isinstance(answer, Exception):
            _complain(answer)
            bad += 1
            continue
        for place, label in enumerate(answer):
            shown = escape(" ".join(text.split())) if place == 0 else ""
            table.add_row(shown, escape(label.label), f"{label.score:.4f}")
    if table.row_count:
        out.print(table)
    return bad


def _complain(error: Exception) -> None:
    from rich.markup import escape

    from tritext.console import err

    err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
