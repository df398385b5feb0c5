"""What the programs of this package share: their arguments, what they keep, and one sentence for whatever goes wrong."""

import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tritext.errors import TritextError
from tritext_perf import facts, input_data

Repository = Annotated[Path, typer.Argument(help="A model repository.")]
Model = Annotated[str, typer.Argument(help="The model in it.")]
Data = Annotated[Path, typer.Option(help="Texts, as `tritext bench` takes them.")]
Output = Annotated[Path | None, typer.Option(help="Where to keep the figures, as JSON.")]


def run(main: Callable[..., None]) -> None:
    """Run a program; what a user can mend ends it with a sentence and status 2."""
    # What Ctrl+C ends, `kill` must end: servers, namespaces.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        typer.run(main)
    except TritextError as problem:
        _end(str(problem))
    except OSError as problem:
        _end(f"{problem.filename or 'A file or a connection'}: {problem.strerror or problem}")


def _end(sentence: str) -> None:
    sys.stderr.write(f"error: {sentence}\n")
    sys.exit(2)


def texts_of(data: Path, most: int) -> tuple[str, ...]:
    """A sample of a file's texts.

    Raises:
        RecordsError: It cannot be read.
    """
    return input_data.read(
        data, text_column=None, label_column=None, label_separator=None, most=most, seed=0
    ).texts


def keep(report: Mapping[str, Any], output: Path | None) -> None:
    """Write a report with its date and machine, where that is wanted."""
    if output:
        whole = {"made": facts.now(), "machine": facts.machine_here(), **report}
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
