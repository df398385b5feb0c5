"""`search_report.html`: the trials of a search as a table and a picture, in one file."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tritext_training import figures
from tritext_training.tasks import Metric


def write_search_report(folder: Path, report: dict[str, Any], best: Metric) -> None:
    """Write the page beside the winner's own report."""
    environment = Environment(
        loader=PackageLoader("tritext_training"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    trials = sorted(
        report["search"]["trials"],
        key=lambda trial: (trial["figure"] is None, (-1) ** best.greater_is_better * (trial["figure"] or 0)),
    )
    searched = [name for name in ("learning_rate", "batch_size", "epochs") if name in trials[0]]
    picture = figures.trials(report["search"]["trials"], winner=report["search"]["winner"], name=best.name)
    page = environment.get_template("search.html").render(
        report=report,
        trials=trials,
        searched=searched,
        best=best,
        picture="data:image/png;base64," + base64.b64encode(picture).decode(),
    )
    (folder / "search_report.html").write_text(page, encoding="utf-8")
