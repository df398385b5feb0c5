"""What `tritext train` says when it is done."""

from pathlib import Path
from typing import Any

from rich.markup import escape

from tritext.console import err, print_json


def show(output: Path, report: dict[str, Any], *, as_json: bool) -> None:
    """Warnings, figures and what to do next, for people; or one JSON document."""
    summary = _summary(output, report)
    if as_json:
        print_json(summary)
        return
    for warning in report["warnings"]:
        err.print(f"[bold yellow]warning:[/] {escape(warning)}", highlight=False, soft_wrap=True)
    figures = ", ".join(f"{name} {value:.4f}" for name, value in report["headline"].items())
    registered = report.get("registered")
    source = (
        f"models:/{registered['name']}/{registered['version']}" if registered else f"{output} --name NAME"
    )
    err.print(
        f"[bold]{output}[/]: {figures} on "
        f"{summary['rows']['test']:,} test rows; best epoch {summary['best_epoch']:.4g} of {summary['epochs']:.4g}; "
        f"{summary['seconds']:.0f} s.\nRead {output / 'training_report.html'}; serve it: "
        f"`tritext build {source}`.",
        highlight=False,
        soft_wrap=True,
    )


def _summary(output: Path, report: dict[str, Any]) -> dict[str, Any]:
    run = report["training"]
    labels = {"labels": len(report["data"]["labels"])} if "labels" in report["data"] else {}
    return {
        "output": str(output),
        "task": report["task"],
        **labels,
        "rows": {name: split["rows"] for name, split in report["data"]["splits"].items()},
        "metrics": report["metrics"],
        "best_epoch": run["best_epoch"],
        "epochs": run["epochs"],
        "warnings": report["warnings"],
        "interrupted": run["interrupted"],
        "resumed": run["resumed"],
        "model": report["model"],
        "seconds": report["seconds"],
        **report.get("tracking", {}),
        **({"registered": report["registered"]} if "registered" in report else {}),
    }
