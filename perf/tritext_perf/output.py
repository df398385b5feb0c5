"""What perf_analyzer wrote about one run: its CSV report and its printed output, as records.

It knows the program's formats; it refuses to know how the program was started.
"""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tritext_perf.measurement import Latency, Window
from tritext_perf.scenario import Scenario

PASS = re.compile(r"Pass \[(\d+)\] throughput: ([\d.e+]+) infer/sec\. (?:Avg|p\d+) latency: ([\d.e+]+) usec")
"""The line that ends a window."""

_REQUESTS = re.compile(r"Request count: (\d+)")
_LATE = re.compile(r"([\d.e+-]+)% of the requests were delayed")
_PART = re.compile(
    r"^  (?:(?P<model>\S+), version: \S+|Server: *)\n"
    r"(?: +Inference count: (?P<rows>\d+)\n)"
    r"(?: +Execution count: (?P<executions>\d+)\n)"
    r"(?: +Successful request count: \d+\n)"
    r" +Avg request latency: \d+ usec \(overhead \d+ usec \+ queue (?P<queue>\d+) usec"
    r" \+ compute input (?P<input>\d+) usec \+ compute infer (?P<infer>\d+) usec"
    r" \+ compute output (?P<output>\d+) usec\)",
    re.MULTILINE,
)
"""A model's own account. An ensemble's `Server:` section reads otherwise: its steps follow, one part each."""

_SPEAKER = re.compile(r"^(Thread \[\d+\] had error|error|Error): ")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One model's account of a run: mean queue and compute times of a request in milliseconds, rows per execution."""

    queue: float
    compute: float
    average_batch: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """The figures of one run: `throughput` in texts per second over all windows."""

    requests: int
    throughput: float
    latency: Latency
    windows: tuple[Window, ...]
    late: float
    parts: Mapping[str, Part]
    """By model name; the name "" is that of a model without steps."""

    def spread(self, scenario: Scenario) -> float:
        """Largest over smallest minus one, of the windows' latency, and of their throughput where users set the pace.

        At random arrivals the throughput is what chance sent, so that it says nothing about the server.
        """
        latencies = _ratio([window.latency for window in self.windows])
        if scenario.kind == "rate":
            return latencies
        return max(latencies, _ratio([window.throughput for window in self.windows]))


def read(report: str, output: str) -> Run:
    """The figures in perf_analyzer's CSV (`-f … --verbose-csv`) and in what it printed (`-v`).

    Raises:
        ValueError, LookupError, StopIteration: The report is not what the known releases write.
    """
    row = next(csv.DictReader(report.splitlines()))
    requests, late = _REQUESTS.search(output), _LATE.search(output)
    return Run(
        requests=int(requests[1]) if requests else 0,
        throughput=float(row["Inferences/Second"]),
        latency=Latency(
            mean=_ms(row["Avg latency"]),
            p50=_ms(row["p50 latency"]),
            p90=_ms(row["p90 latency"]),
            p95=_ms(row["p95 latency"]),
            p99=_ms(row["p99 latency"]),
        ),
        windows=tuple(
            Window(throughput=float(throughput), latency=_ms(latency))
            for _, throughput, latency in PASS.findall(output)
        ),
        late=float(late[1]) / 100 if late else 0.0,
        parts={found["model"] or "": _part(found) for found in _PART.finditer(output)},
    )


def _part(found: re.Match[str]) -> Part:
    return Part(
        queue=_ms(found["queue"]),
        compute=sum(_ms(found[name]) for name in ("input", "infer", "output")),
        average_batch=int(found["rows"]) / max(1, int(found["executions"])),
    )


def _ms(microseconds: str) -> float:
    return float(microseconds) / 1000


def _ratio(numbers: Sequence[float]) -> float:
    if not numbers or min(numbers) <= 0:
        return math.inf
    return max(numbers) / min(numbers) - 1


def last_words(output: str, code: int) -> str:
    """Why the program gave up, in its own words."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _SPEAKER.sub("", lines[-1]) if lines else f"it ended with status {code} and said nothing"
