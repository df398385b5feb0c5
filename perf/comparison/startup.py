"""What a newcomer waits for: `python -m comparison.startup REPOSITORY MODEL`.

From `tritext serve` to the first answer, `tritext predict` on a running server, `import tritext`.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from comparison import tritext_system
from comparison.program import Model, Output, Repository, keep, run
from tritext.console import err

TEXT = "Where is my parcel?"


def main(
    repository: Repository,
    model: Model,
    repeats: Annotated[int, typer.Option(help="How often.", min=1)] = 5,
    output: Output = None,
) -> None:
    """Wall time in seconds, median of some."""
    figures: dict[str, list[float]] = {
        "serve to first answer": [],
        "predict": [],
        "import": [],
        "python alone": [],
    }
    for _ in range(repeats):
        figures["import"].append(_timed([sys.executable, "-c", "import tritext"]))
        figures["python alone"].append(_timed([sys.executable, "-c", ""]))
        began = time.perf_counter()
        with tritext_system.serving(repository, model) as served:
            figures["serve to first answer"].append(time.perf_counter() - began)
            figures["predict"].append(
                _timed([tritext_system.TRITEXT, "predict", model, TEXT, "--url", served.url])
            )
    for name, taken in figures.items():
        err.print(f"{name}: {statistics.median(taken):.2f} s ({', '.join(f'{one:.2f}' for one in taken)})")
    keep({"model": model, "seconds": figures}, output)


def _timed(command: Sequence[str | Path]) -> float:
    began = time.perf_counter()
    subprocess.check_output(command)
    return time.perf_counter() - began


if __name__ == "__main__":
    run(main)
