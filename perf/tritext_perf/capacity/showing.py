"""A plan for people: how many servers, what fewer would do, and how well the simulation knows the server that was measured."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tritext_perf.capacity.plan import Plan
from tritext_perf.capacity.planning import Latency


def show(plan: Plan, console: Console) -> None:
    console.print(_choices(plan))
    console.print(_checks(plan))
    for note in notes(plan):
        console.print(f"• {escape(note)}", highlight=False, soft_wrap=True)


def notes(plan: Plan) -> list[str]:
    """What it comes to."""
    servers = _servers(plan.servers)
    enough = f"{plan.rate:g} texts/s with a p99 of {plan.p99:g} ms or less take {servers}."
    said = [f"{enough} With one more, any one may be away: killed, or being upgraded."]
    if plan.evidence.machine.get("server_is_local"):
        said.append(
            "The load generator had its share of the machine that was measured: servers alone do a little more."
        )
    return said


def _choices(plan: Plan) -> Table:
    table = Table(box=SIMPLE_HEAD, title=f"Servers for {plan.rate:g} texts/s", title_justify="left")
    for column in ("servers", f"texts/s within {plan.p99:g} ms", "texts/s at most", "p50", "p99"):
        table.add_column(column, justify="right")
    for one in plan.choices:
        table.add_row(
            str(one.servers),
            f"{one.within:,.0f}",
            f"{one.most:,.0f}",
            *_latency(one.at_rate, missing="too much"),
            style="bold" if one.servers == plan.servers else None,
        )
    return table


def _checks(plan: Plan) -> Table:
    table = Table(box=SIMPLE_HEAD, title="One server: measured, and simulated", title_justify="left")
    for column in ("load", "texts/s", "simulated", "p50", "simulated", "p99", "simulated"):
        table.add_column(column, justify="right")
    for one in plan.checks:
        p50, p99 = _latency(one.measured_latency)
        own_p50, own_p99 = _latency(one.predicted_latency, missing="too much")
        table.add_row(one.load, f"{one.measured:,.0f}", f"{one.predicted:,.0f}", p50, own_p50, p99, own_p99)
    return table


def _latency(seen: Latency | None, *, missing: str = "") -> tuple[str, str]:
    return (f"{seen.p50:.0f}", f"{seen.p99:.0f}") if seen else (missing, missing)


def _servers(count: int) -> str:
    return f"{count} such server{'s' if count > 1 else ''}"
