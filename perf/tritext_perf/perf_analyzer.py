"""One run of perf_analyzer: the command that asks for a scenario, and the figures in what the program writes.

It knows the program's options and its output; it refuses to know what the figures are for.
"""

import csv
import math
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tritext_perf.errors import PerfAnalyzerFailed
from tritext_perf.installation import PerfAnalyzer
from tritext_perf.measurement import Latency
from tritext_perf.scenario import Scenario
from tritext_perf.server import Protocol, ServedModel

WINDOWS = 3
"""Windows of a run. perf_analyzer's own search wants three in a row to agree, and gives no figures where they do not."""

ANY_DIFFERENCE = "1000000"
"""The stability percentage: we look at the windows ourselves, and report what is unsteady instead of hiding it."""

FEWEST_IN_WINDOW = 30
"""Texts that a window must see on average where the rate is low: it is made longer if need be."""

PATIENCE_S = 180.0
"""How much longer than its windows a run may take: its start, and the answers still outstanding at its end."""

_PASS = re.compile(
    r"Pass \[(\d+)\] throughput: ([\d.e+]+) infer/sec\. (?:Avg|p\d+) latency: ([\d.e+]+) usec"
)
_REQUESTS = re.compile(r"Request count: (\d+)")
_LATE = re.compile(r"([\d.e+-]+)% of the requests were delayed")
_SPEAKER = re.compile(r"^(Thread \[\d+\] had error|error|Error): ")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a run is aimed at: a model on a server, and the file of texts to send."""

    model: ServedModel
    url: str
    protocol: Protocol
    input_data: Path


@dataclass(frozen=True, kw_only=True)
class Window:
    """One stretch of a run: texts per second, mean latency in milliseconds."""

    throughput: float
    latency: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """The figures of one run: `throughput` in texts per second over all windows."""

    requests: int
    throughput: float
    latency: Latency
    windows: tuple[Window, ...]
    late: float

    def spread(self, scenario: Scenario) -> float:
        """Largest over smallest minus one, of the windows' latency, and of their throughput where users set the pace.

        At random arrivals the throughput is what chance sent, so that it says nothing about the server.
        """
        latencies = _ratio([window.latency for window in self.windows])
        if scenario.kind == "rate":
            return latencies
        return max(latencies, _ratio([window.throughput for window in self.windows]))


def run(
    program: PerfAnalyzer,
    target: Target,
    scenario: Scenario,
    *,
    seconds: float,
    files: Path,
    heard: Callable[[int], None],
) -> Run:
    """Measure one scenario over `WINDOWS` windows of `seconds` each.

    Args:
        program: The perf_analyzer to run.
        target: Where the load goes.
        scenario: The load.
        seconds: Length of a window.
        files: Where its report and its output are kept, less the endings `.csv` and `.log`.
        heard: Told the number of each window as it ends.

    Raises:
        PerfAnalyzerFailed: It gave no figures; at the first request that fails it gives up.
    """
    report, log = files.with_suffix(".csv"), files.with_suffix(".log")
    seconds = window_seconds(scenario, seconds)
    arguments = [str(program.path), *options(target, scenario, seconds=seconds, report=report)]
    code = _listen(arguments, log=log, heard=heard, limit=WINDOWS * seconds + PATIENCE_S)
    output = log.read_text(errors="replace")
    if code or not report.is_file():
        raise PerfAnalyzerFailed(reason=_last_words(output, code), log=log)
    return parse(report.read_text(errors="replace"), output)


def window_seconds(scenario: Scenario, seconds: float) -> float:
    return max(seconds, FEWEST_IN_WINDOW / scenario.load) if scenario.kind == "rate" else seconds


def options(target: Target, scenario: Scenario, *, seconds: float, report: Path) -> list[str]:
    """The command line of perf_analyzer, without the program."""
    if scenario.kind == "users":
        load = [f"--concurrency-range={scenario.load:g}"]
    else:
        load = [f"--request-rate-range={scenario.load:g}", "--request-distribution=poisson"]
    return [
        *("-m", target.model.name, "-x", target.model.version),
        *("-u", target.url, "-i", target.protocol, "--async"),
        *("--input-data", str(target.input_data)),
        *load,
        *("--measurement-interval", f"{seconds * 1000:.0f}"),
        *("--stability-percentage", ANY_DIFFERENCE, "--max-trials", str(WINDOWS)),
        *("-f", str(report), "--verbose-csv", "-v"),
    ]


def parse(report: str, output: str) -> Run:
    """The figures in perf_analyzer's CSV (`-f … --verbose-csv`) and in what it printed (`-v`)."""
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
            for _, throughput, latency in _PASS.findall(output)
        ),
        late=float(late[1]) / 100 if late else 0.0,
    )


def _ms(microseconds: str) -> float:
    return float(microseconds) / 1000


def _ratio(numbers: Sequence[float]) -> float:
    if not numbers or min(numbers) <= 0:
        return math.inf
    return max(numbers) / min(numbers) - 1


def _last_words(output: str, code: int) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _SPEAKER.sub("", lines[-1]) if lines else f"it ended with status {code} and said nothing"


# ---- the process


def _listen(arguments: Sequence[str], *, log: Path, heard: Callable[[int], None], limit: float) -> int:
    """Run the program, keep what it says, pass on each window; its exit status."""
    with (
        log.open("w") as copy,
        subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
        _ended(process, limit) as overdue,
    ):
        for line in process.stdout or ():
            copy.write(line)
            if window := _PASS.search(line):
                heard(int(window[1]))
        code = process.wait()
        if overdue.is_set():
            copy.write(f"It did not end within {limit:.0f} s and was stopped.\n")
    return code


@contextmanager
def _ended(process: "subprocess.Popen[str]", limit: float) -> Iterator[threading.Event]:
    """Whatever happens, the process is gone afterwards; after `limit` seconds it is stopped, and the event set."""
    overdue = threading.Event()

    def stop() -> None:
        overdue.set()
        process.kill()

    timer = threading.Timer(limit, stop)
    timer.start()
    try:
        yield overdue
    finally:
        timer.cancel()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
