"""A comparison for people: a page, and the same in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tritext_perf.version_report import figures, page
from tritext_perf.version_report.changes import BROKEN, FIXED, Changes, Decision, Row
from tritext_perf.version_report.headline import Tile
from tritext_perf.version_report.served import metric_rows
from tritext_perf.version_report.significance import LEVEL

MOST_SHOWN = 300
"""Changed answers on the page; the JSON has all."""

MOST_PRINTED = 20
_STYLES = {BROKEN: "red", FIXED: "green"}


@dataclass(frozen=True, kw_only=True)
class LabelChange:
    """A label's F1 in both, and the difference."""

    label: str
    first: float
    second: float
    support: int

    @property
    def difference(self) -> float:
        return self.second - self.first


def label_changes(changes: Changes) -> list[LabelChange]:
    """Of every label, the one that changed most first."""
    if not changes.per_label:
        return []
    sides = zip(changes.per_label["first"], changes.per_label["second"], strict=True)
    found = [
        LabelChange(label=one["label"], first=one["f1"], second=other["f1"], support=one["support"])
        for one, other in sides
    ]
    return sorted(found, key=lambda each: (-abs(round(each.difference, 4)), each.difference))


def verdict(changes: Changes) -> tuple[str, str]:
    """Better, worse or neither, and the sentence that says why."""
    test, counts = changes.test, changes.directions
    if test is None:
        same = figures.percent(changes.agreement, 2)
        return "none", (
            f"{same} of the {len(changes.rows):,} answers are the same; the data have no labels, so nobody can say "
            "which of the others are right."
        )
    sides = f"{changes.second} fixes {counts[FIXED]:,} and breaks {counts[BROKEN]:,} of {len(changes.rows):,} answers"
    chance = f"McNemar's exact test: p {figures.probability(test.p_value)}"
    if not test.is_significant:
        return "none", f"{sides}. That may be chance ({chance})."
    better = test.only_second > test.only_first
    word = "better" if better else "worse"
    return word, f"{sides}. It is {word}, and by more than chance explains ({chance}, below {LEVEL})."


def html(changes: Changes) -> str:
    """The comparison as one HTML document."""
    state, sentence = verdict(changes)
    shown = changes.changed[:MOST_SHOWN]
    words = {"better": "better", "worse": "worse", "none": "no significant difference"}
    return page.rendered(
        "comparison.html",
        {
            "changes": changes,
            "state": state,
            "badge": words[state] if changes.has_labels else "no labels to judge by",
            "sentence": sentence,
            "tiles": _tiles(changes),
            "metrics": metric_rows(changes.metrics["first"], changes.metrics["second"])
            if changes.metrics
            else [],
            "parts": _parts(changes),
            "labels": label_changes(changes),
            "shown": shown,
            "choices": _choices(changes),
        },
    )


def _tiles(changes: Changes) -> list[Tile]:
    counts, total = changes.directions, len(changes.rows)
    changed = total - counts["same"]
    tiles = [
        Tile(
            value=f"{changed:,}",
            caption="answers changed",
            remark=f"{figures.percent(changed / total, 2)} of {total:,}",
        )
    ]
    if changes.test is None:
        return tiles
    key = figures.main_metric(changes.metrics["first"], "")
    assert key is not None  # noqa: S101 - labels have metrics
    first, second = (changes.metrics[which][key] for which in ("first", "second"))
    return [
        Tile(
            value=figures.signed(second - first),
            caption=figures.metric_name(key),
            remark=f"from {first:.4f} to {second:.4f}",
        ),
        *tiles,
        Tile(value=f"{counts[FIXED]:,}", caption="fixed", remark=f"wrong in {changes.first} only"),
        Tile(value=f"{counts[BROKEN]:,}", caption="broken", remark=f"wrong in {changes.second} only"),
        Tile(
            value=figures.probability(changes.test.p_value).removeprefix("= "),
            caption="p",
            remark="McNemar's exact test",
        ),
    ]


def _parts(changes: Changes) -> list[tuple[str, str, int]]:
    """All rows by who was right: name, colour, how many."""
    if changes.test is None:
        return []
    both = sum(row.is_right("first") and row.is_right("second") for row in changes.rows)
    neither = len(changes.rows) - both - changes.test.only_first - changes.test.only_second
    return [
        ("both right", "both", both),
        ("fixed", "fixed-colour", changes.test.only_second),
        ("broken", "broken-colour", changes.test.only_first),
        ("neither right", "neither", neither),
    ]


def _choices(changes: Changes) -> dict[str, list[str]]:
    shown = changes.changed[:MOST_SHOWN]
    if not changes.has_labels:
        return {}
    return {
        "direction": list(dict.fromkeys(row.direction for row in shown)),
        "expected": sorted({", ".join(row.expected or ()) for row in shown}),
    }


# ---- in a terminal


def show(changes: Changes, console: Console) -> None:
    """The verdict, the metrics, the labels that changed, and the first of the changed answers."""
    console.print(f"[bold]{escape(verdict(changes)[1])}[/]", highlight=False, soft_wrap=True)
    if changes.metrics:
        console.print(_metrics(changes))
    if moved := [each for each in label_changes(changes) if round(each.difference, 4)]:
        console.print(_labels(changes, moved))
    if changes.changed:
        _answers(changes, console)


def _metrics(changes: Changes) -> Table:
    table = Table("metric")
    for heading in (changes.first, changes.second, "difference"):
        table.add_column(heading, justify="right")
    for row in metric_rows(changes.metrics["first"], changes.metrics["second"]):
        table.add_row(row.name, row.one, row.other, row.difference)
    return table


def _labels(changes: Changes, moved: list[LabelChange]) -> Table:
    table = Table("label", title="F1 of the labels that changed", title_justify="left")
    for heading in (changes.first, changes.second, "difference", "rows"):
        table.add_column(heading, justify="right")
    for row in moved:
        numbers = (
            figures.number(row.first, 3),
            figures.number(row.second, 3),
            figures.signed(row.difference, 3),
        )
        table.add_row(escape(row.label), *numbers, f"{row.support:,}")
    return table


def _answers(changes: Changes, console: Console) -> None:
    for row in changes.changed[:MOST_PRINTED]:
        console.print(f"{_told(row, changes)}\n  {escape(' '.join(row.text.split()))}", highlight=False)
    if len(changes.changed) > MOST_PRINTED:
        left = len(changes.changed) - MOST_PRINTED
        console.print(f"… and {left:,} more: --html FILE shows them, --json prints them all.", style="dim")


def _told(row: Row, changes: Changes) -> str:
    """A changed answer in one line: broken: billing 0.71 → refund 0.55, expected billing."""
    style = _STYLES.get(row.direction, "bold")
    said = " → ".join(_said(decision) for decision in (row.first, row.second))
    expected = f", expected {escape(_listed(row.expected))}" if changes.has_labels else ""
    return f"[{style}]{row.direction}[/]: {said}{expected}"


def _said(decision: Decision) -> str:
    return f"{escape(_listed(decision.labels))} {decision.score:.2f}"


def _listed(labels: Sequence[str] | None) -> str:
    return ", ".join(labels or ()) or figures.DASH
