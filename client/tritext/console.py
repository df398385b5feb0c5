"""Where the command line writes: answers to standard output, everything else to standard error."""

import json
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print `value` as one JSON document on standard output, for programs."""
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201


def progress() -> Progress:
    """A progress bar on standard error, for work that takes longer than a second; use it with `with`."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=err
    )
