"""Where the command line writes: answers to standard output, everything else to standard error."""

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print `value` as one JSON document on standard output, for programs."""
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201


def progress() -> "Progress":
    """A progress bar on standard error, for work that takes longer than a second; use it with `with`."""
    # Imported here, because most verbs draw none and every verb imports this module.
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=err
    )
