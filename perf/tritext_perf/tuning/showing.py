"""A search for people: a table of the settings, the verdict, and what to think of it."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tritext_perf.card import milliseconds, table
from tritext_perf.measurement import Failure
from tritext_perf.tuning import choosing
from tritext_perf.tuning.report import TuneReport
from tritext_perf.tuning.trial import Standing


def show(result: TuneReport, console: Console) -> None:
    console.print(
        f"[bold]{escape(result.model['name'])}[/]: {escape(str(result.objective))}", highlight=False
    )
    if result.standings:
        console.print(_settings(result))
    for note in notes(result):
        console.print(f"• {escape(note)}", highlight=False, soft_wrap=True)


def _settings(result: TuneReport) -> Table:
    shown = table(
        "Medians; runs: how often measured; spread: how far these differ; x default: how much better"
    )
    shown.add_column("setting")
    for column in ("texts/s", "p50", "p99", "batch", "runs", "spread", "x default"):
        shown.add_column(column, justify="right", no_wrap=True)
    ranked = sorted(result.standings, key=choosing.promise, reverse=True)
    finals = result.finals
    for one in sorted(ranked, key=lambda one: one not in finals):
        shown.add_row(*_row(result, one), style="" if one in finals else "dim")
    return shown


def _row(result: TuneReport, one: Standing) -> list[str]:
    middle = one.measured[len(one.measured) // 2]
    batch = middle.average_batch
    several = len(one.measured) > 1
    return [
        _name(result, one),
        f"{one.throughput:.1f}",
        milliseconds(middle.latency.p50),
        milliseconds(one.p99),
        "" if batch is None else f"{batch:.1f}",
        str(len(one.measured)),
        f"{one.spread:.0%}" if several else "",
        _ratio(result, one) if several else "",
    ]


def _name(result: TuneReport, one: Standing) -> str:
    words = escape(str(one.setting))
    if one.setting == result.default:
        words += " [dim](default)[/]"
    chosen = result.verdict and one.setting == result.verdict.winner
    return f"[bold green]{words}[/]" if chosen else words


def _ratio(result: TuneReport, one: Standing) -> str:
    default = next((other for other in result.finals if other.setting == result.default), None)
    return f"{1 + choosing.gain(one, default):.2f}" if default and one.setting != result.default else ""


def notes(result: TuneReport) -> list[str]:
    """The verdict, and what a reader should know before believing it."""
    said = [result.verdict.reason if result.verdict else "", _compared(result)]
    found = [sentence for sentence in said if sentence]
    found += [
        f"{trial.setting} gave no figures: {trial.outcome.reason}"
        for trial in result.trials
        if isinstance(trial.outcome, Failure)
    ]
    if result.untried:
        found.append(
            f"Not tried for want of time: {len(result.untried)} settings; a longer --budget tries them."
        )
    if refused := result.data["refused"]:
        found.append(f"The model refuses {refused} of the texts; they were left out.")
    if result.interrupted:
        found.append("Interrupted: nothing was chosen, and the repository is as it was.")
    return found


def _compared(result: TuneReport) -> str:
    """What changes for those who ask, if something does."""
    by_setting = {one.setting: one for one in result.finals}
    if result.changes is None or result.changes not in by_setting:
        return ""
    default, chosen = by_setting[result.default], by_setting[result.changes]
    return (
        f"From the default: {default.throughput:.1f} to {chosen.throughput:.1f} texts/s "
        f"(x {chosen.throughput / default.throughput:.2f}), p99 {milliseconds(default.p99)} to "
        f"{milliseconds(chosen.p99)} ms (x {chosen.p99 / default.p99:.2f})."
    )
