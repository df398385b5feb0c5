"""One run of perf_analyzer: the command that asks for a scenario, and the process that carries it out.

It knows the program's options; what the program writes is read elsewhere.
"""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tritext.address import Address
from tritext_perf import output
from tritext_perf.errors import PerfAnalyzerFailed
from tritext_perf.installation import VERSION, PerfAnalyzer
from tritext_perf.output import PASS, Run
from tritext_perf.scenario import Scenario
from tritext_perf.server import ServedModel

WINDOWS = 3
"""Windows of a run. perf_analyzer's own search wants three in a row to agree, and gives no figures where they do not."""

ANY_DIFFERENCE = "1000000"
"""The stability percentage: we look at the windows ourselves, and report what is unsteady instead of hiding it."""

FEWEST_IN_WINDOW = 100
"""Texts that a window must see on average where the rate is low: it is made longer if need be."""

PATIENCE_S = 180.0
"""How much longer than its windows a run may take: its start, and the answers still outstanding at its end."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a run is aimed at: a model on a server, and the file of texts to send."""

    model: ServedModel
    address: Address
    input_data: Path


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
    said = log.read_text(errors="replace")
    if code or not report.is_file():
        raise PerfAnalyzerFailed(reason=output.last_words(said, code), log=log)
    try:
        return output.read(report.read_text(errors="replace"), said)
    except (ValueError, LookupError, StopIteration) as error:
        raise PerfAnalyzerFailed(
            reason=f"its report {report} cannot be read; known is release {VERSION}, this is {program.version}",
            log=log,
        ) from error


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
        *("-u", target.address.target, "-i", "grpc" if target.address.is_grpc else "http", "--async"),
        *("--input-data", str(target.input_data)),
        *load,
        *("--measurement-interval", f"{seconds * 1000:.0f}"),
        *("--stability-percentage", ANY_DIFFERENCE, "--max-trials", str(WINDOWS)),
        *("-f", str(report), "--verbose-csv", "-v"),
    ]


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
            if window := PASS.search(line):
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
