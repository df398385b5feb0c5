"""Results for people: a card of the circumstances, a table of the figures, and what to think of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from tritext_perf.measurement import Measurement, Outcome, failures, measurements
from tritext_perf.report import Report

LATE = 0.01
"""The share of late texts above which the load generator, not the server, may have set the pace."""


def show(report: Report, console: Console) -> None:
    console.print(Panel(Group(*_card(report)), title="tritext bench", title_align="left", expand=False))
    if measurements(report.outcomes):
        console.print(_figures(measurements(report.outcomes)))
        console.print(_stages(measurements(report.outcomes)))
    for note in notes(report):
        console.print(f"• {escape(note)}", highlight=False, soft_wrap=True)


def _card(report: Report) -> list[str]:
    lines = {
        "model": _model(report.model),
        "server": f"tritonserver {report.server['version']} at {report.server['url']}",
        "load from": _machine(report.machine),
        "texts": _texts(report.data),
        "quality": _quality(report.metrics),
        "versions": ", ".join(f"{name} {value}" for name, value in report.versions.items()),
        "date, seed": f"{report.date}, {report.settings['seed']}",
    }
    return [f"[bold]{name:<10}[/] {escape(value)}" for name, value in lines.items() if value]


def _model(model: Mapping[str, Any]) -> str:
    steps = ", ".join(
        f"{step['name']} ({step['backend']}{_count(step['instances'])})" for step in model["steps"]
    )
    declared = [model["parameters"][key] for key in ("format", "precision") if model["parameters"].get(key)]
    return " · ".join([f"{model['name']} version {model['version']}", *declared, steps])


def _count(instances: int) -> str:
    return f" x{instances}" if instances > 1 else ""


def _machine(machine: Mapping[str, Any]) -> str:
    parts = [
        machine.get("cpu", "unknown processor"),
        f"{machine['usable_cores']} cores",
        *machine.get("gpus", []),
    ]
    where = "the server runs here too" if machine["server_is_local"] else "the server is elsewhere"
    return f"{', '.join(parts)}; {where}"


def _texts(data: Mapping[str, Any]) -> str:
    lengths, tokens = data["characters"], data.get("tokens")
    said = f"{data['texts']} of {data['rows']} in {data['path']}, {lengths['mean']:g} characters on average, {lengths['max']} at most"
    return said + (f" ({tokens['mean']:g} and {tokens['max']} tokens)" if tokens else "")


def _quality(metrics: Mapping[str, float] | None) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in (metrics or {}).items())
    return said and f"{said} on these texts"


def _figures(measured: Sequence[Measurement]) -> Table:
    shown = table(
        "Latency in milliseconds; batch: mean rows per run of the model; spread: how far the windows differ"
    )
    shown.add_column("load", no_wrap=True)
    for column in ("texts/s", "mean", "p50", "p90", "p95", "p99", "batch", "errors", "spread"):
        shown.add_column(column, justify="right", no_wrap=True)
    for one in measured:
        latency = one.latency
        times = (latency.mean, latency.p50, latency.p90, latency.p95, latency.p99)
        batch = "" if one.average_batch is None else f"{one.average_batch:.1f}"
        spread = f"{one.spread:.0%}"
        shown.add_row(
            str(one.scenario),
            f"{one.throughput:.1f}",
            *map(milliseconds, times),
            batch,
            str(one.errors),
            spread if one.steady else f"[yellow]{spread}[/]",
        )
    return shown


def _stages(measured: Sequence[Measurement]) -> Table:
    names = list(dict.fromkeys(stage.name for one in measured for stage in one.stages))
    shown = table("Where the mean latency goes, step by step: waiting + working, in milliseconds")
    shown.add_column("load", no_wrap=True)
    for name in (*names, "elsewhere"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in measured:
        times = {
            stage.name: f"{milliseconds(stage.queue)} + {milliseconds(stage.compute)}" for stage in one.stages
        }
        shown.add_row(
            str(one.scenario), *(times.get(name, "") for name in names), milliseconds(one.elsewhere)
        )
    return shown


def table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="dim", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"  # noqa: PLR2004


def notes(report: Report) -> list[str]:
    """What a reader should know before believing the figures."""
    found = [f"{failed.scenario}: {failed.reason}" for failed in failures(report.outcomes)]
    measured = measurements(report.outcomes)
    if refused := report.data["refused"]:
        found.append(f"The server refuses {refused} of the texts; they were left out.")
    if report.data["remark"]:
        found.append(report.data["remark"])
    stability = report.settings["stability"]
    if unsteady := _loads([one for one in measured if not one.steady and not one.is_falling_behind]):
        found.append(
            f"Not steady at {unsteady}: the windows differ by more than {stability:.0%} in every attempt. Something "
            "else uses the machine, or --seconds is too short."
        )
    if behind := _loads([one for one in measured if one.is_falling_behind]):
        found.append(
            f"The server does not keep up with {behind}: texts wait longer and longer, and the latency says only how long "
            "it was measured."
        )
    if late := _loads([one for one in measured if one.late > LATE and not one.is_falling_behind]):
        found.append(f"At {late} the load generator sent some texts late: the true latency is higher.")
    if report.interrupted:
        found.append("Interrupted: what was not measured yet is missing.")
    return found


def _loads(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(str(outcome.scenario) for outcome in outcomes)
