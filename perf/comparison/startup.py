"""What a newcomer waits for: `python -m comparison.startup REPOSITORY MODEL`.

From `tritext serve` to the first answer, `tritext predict` on a running server, `import tritext`.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from comparison import tritext_system
from tritext.console import err
from tritext_perf import facts

TEXT = "Where is my parcel?"


def main(
    repository: Annotated[Path, typer.Argument(help="A model repository.")],
    model: Annotated[str, typer.Argument(help="The model in it.")],
    repeats: Annotated[int, typer.Option(help="How often.")] = 5,
    output: Annotated[Path | None, typer.Option(help="Where to keep the figures, as JSON.")] = None,
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
    report = {"model": model, "made": facts.now(), "machine": facts.machine_here(), "seconds": figures}
    for name, taken in figures.items():
        err.print(f"{name}: {statistics.median(taken):.2f} s ({', '.join(f'{one:.2f}' for one in taken)})")
    if output:
        output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _timed(command: Sequence[str | Path]) -> float:
    began = time.perf_counter()
    subprocess.check_output(command)
    return time.perf_counter() - began


if __name__ == "__main__":
    typer.run(main)
