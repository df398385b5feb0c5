"""The `tritext` command: its verbs, and the one place where an error becomes a sentence and an exit code.

Each verb lives in `tritext.commands` and imports its part of Tritext only when it is called, so that
`tritext predict` starts fast and works where only the client is installed.
"""

import functools
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.markup import escape

from tritext.commands import VERBS, load
from tritext.console import err
from tritext.errors import Interrupted, MissingExtra, TritextError

EXTRAS = {
    "tritext_training": "training",
    "tritext_build": "build",
    "tritext_serving": "serve",
    "tritext_perf": "perf",
    "tritext_jobs": "worker",
}
"""The extra that brings the libraries of each part."""

app = typer.Typer(
    name="tritext",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callbacks take the value so
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - every other command starts faster without

        typer.echo(f"tritext {version('tritext')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Serve BERT-family models on NVIDIA Triton to clients that send raw text."""


def _sentence_on_ctrl_c(function: Callable[..., None]) -> Callable[..., None]:
    """The verb, with Ctrl+C as an error of ours; typer would end without a word."""

    @functools.wraps(function)
    def verb(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except KeyboardInterrupt:
            raise Interrupted from None

    return verb


for name in VERBS:
    app.command(name)(_sentence_on_ctrl_c(load(name)))


def main() -> None:
    """Run the command line; the exit status is 0, an error's `exit_code`, or 130 after Ctrl+C and SIGTERM."""
    # What Ctrl+C undoes, `kill` must undo; `tritext serve` and `train` set handlers of their own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except TritextError as error:
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        missing = _missing_extra(error)
        if missing is None:
            raise
        _fail(str(missing), missing.exit_code)


def _missing_extra(error: ModuleNotFoundError) -> MissingExtra | None:
    """The extra to install, judged by which part of Tritext asked for the missing module."""
    frame = error.__traceback__
    while frame is not None:
        part = frame.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if part in EXTRAS and error.name:
            return MissingExtra(extra=EXTRAS[part], module=error.name)
        frame = frame.tb_next
    return None


def _fail(sentence: str, exit_code: int) -> None:
    err.print(f"[bold red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(exit_code)
