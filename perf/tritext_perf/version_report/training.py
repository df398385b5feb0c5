"""How the checkpoint came to be: curves, splits and what they share, options, environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from tritext_perf.version_report import charts, figures
from tritext_perf.version_report.charts import Series
from tritext_perf.version_report.evidence import Document

Facts = list[tuple[str, str]]
"""Names with what is to be said of them, in order."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture with its heading and the lines that it shows: name and colour."""

    title: str
    picture: Markup
    legend: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Split:
    """One part of the data."""

    name: str
    rows: str
    labels: str
    repeated: str


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Rows of the second split that the first has, too."""

    between: tuple[str, str]
    rows: int
    of: int
    examples: tuple[str, ...]

    @property
    def sentence(self) -> str:
        verb = "is" if self.rows == 1 else "are"
        share = f" ({figures.percent(self.rows / self.of)})" if self.of else ""
        return (
            f"{self.rows:,} of the {self.of:,} {self.between[1]} rows{share} {verb} also in {self.between[0]}: "
            "the same text but for case and white space, which flatters the figures."
        )


def story(training: Document) -> str:
    """What was done, in one sentence."""
    run = training["training"]
    base = training.get("base", {}).get("source", "a checkpoint")
    rows = training.get("data", {}).get("splits", {}).get("train", {}).get("rows")
    on = f" on {rows:,} rows" if rows else ""
    best = f"; the best is that after epoch {run['best_epoch']:g}" if "best_epoch" in run else ""
    return f"{base}, fine-tuned{on} for {figures.plural(round(run['epochs']), 'epoch')}{best}."


def curves(training: Document) -> list[Chart]:
    """Loss, and the validation figure that chose the epoch."""
    run = training["training"]
    points, best = run.get("curves") or [], run.get("best_epoch")
    loss = [
        Series(name="training", colour="orange", points=_points(points, "train_loss")),
        Series(name="validation", colour="blue", points=_points(points, "validation_loss")),
    ]
    key = str(run.get("best_by", ""))
    name = figures.metric_name(key)
    chosen = [Series(name=name, colour="blue", points=_points(points, f"validation_{key}"))]
    charted = (("Loss", loss, True), (f"Validation {name}", chosen, False))
    found = [
        Chart(
            title=title,
            picture=charts.lines(series, title=f"{title} over epochs", marked=best, from_zero=from_zero),
            legend=[(each.name, each.colour) for each in series],
        )
        for title, series, from_zero in charted
    ]
    return [chart for chart in found if chart.picture]


def _points(points: list[dict[str, Any]], key: str) -> list[tuple[float, float | None]]:
    return [(point["epoch"], point.get(key)) for point in points]


def splits(training: Document) -> list[Split]:
    data = training.get("data", {})
    within = data.get("duplicates", {}).get("within", {})
    return [
        Split(
            name=name,
            rows=figures.number(split.get("rows")),
            labels=_balance(split.get("label_counts") or {}),
            repeated=figures.number(within.get(name)),
        )
        for name, split in data.get("splits", {}).items()
    ]


def _balance(counts: Mapping[str, int]) -> str:
    """How many labels there are, and how many rows the rarest and the most frequent have."""
    if not counts:
        return figures.DASH
    fewest, most = min(counts.values()), max(counts.values())
    return f"{len(counts)}, {fewest:,}" + (f" to {most:,}" if most > fewest else "") + " rows each"


def leaks(training: Document) -> list[Leak]:
    data = training.get("data", {})
    rows = {name: split.get("rows") or 0 for name, split in data.get("splits", {}).items()}
    return [
        Leak(
            between=(str(leak["between"][0]), str(leak["between"][1])),
            rows=leak["rows"],
            of=rows.get(leak["between"][1], 0),
            examples=tuple(map(str, leak.get("examples") or ())),
        )
        for leak in data.get("duplicates", {}).get("leaks", ())
        if leak["rows"]
    ]


def options(training: Document) -> Facts:
    """What the command was given, and what was chosen where it was given nothing."""
    given = {key: value for key, value in training.get("options", {}).items() if value not in (None, False)}
    run = training["training"]
    chosen = {
        key: run[key] for key in ("epochs", "learning_rate", "batch_size", "precision", "seed") if key in run
    }
    return [(key.replace("_", " "), _told(value)) for key, value in (given | chosen).items()]


def environment(training: Document) -> Facts:
    found = training.get("environment", {})
    facts = [
        ("machine", str(found.get("gpu") or found.get("cpu") or figures.DASH)),
        ("cores", str(found.get("cpu_cores", figures.DASH))),
        ("system", str(found.get("platform", figures.DASH))),
        ("Python", str(found.get("python", figures.DASH))),
        *((name, str(version)) for name, version in found.get("libraries", {}).items()),
    ]
    if "seconds" in training:
        facts.append(("duration", f"{training['seconds']:,.0f}{figures.THIN}s"))
    return facts


def figures_of(training: Document) -> list[tuple[str, str, str]]:
    """Each metric on the validation and on the test rows."""
    found = training["metrics"]
    tested, validated = found.get("test", {}), found.get("validation", {})
    return [
        (figures.metric_name(key), figures.number(validated.get(key)), figures.number(value))
        for key, value in tested.items()
    ]


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
