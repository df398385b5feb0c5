"""From a model's name and a data file to a report: puts the other modules together, in the order in which things can fail."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tritext import address
from tritext_perf import facts, input_data, installation, quality, report
from tritext_perf.errors import BadSetting
from tritext_perf.input_data import Texts
from tritext_perf.perf_analyzer import WINDOWS, Target
from tritext_perf.quality import Quality
from tritext_perf.report import Report
from tritext_perf.scenario import Scenario
from tritext_perf.server import ServedModel, Server
from tritext_perf.sweep import Care, Sweep, Tell


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """What to measure, with what, and where to put the results."""

    model: str
    data: Path
    scenarios: tuple[Scenario, ...]
    url: str = "localhost"
    """`host:port` or `grpc://…` for gRPC, `http://…` for HTTP."""
    version: int | None = None
    """The model's; its highest if not given."""
    care: Care = field(default_factory=Care)
    seed: int = 0
    max_samples: int = 1000
    text_column: str | None = None
    label_column: str | None = None
    label_separator: str | None = None
    perf_analyzer: Path | None = None
    output: Path | None = None
    """`bench/MODEL-DATE` if not given."""

    def __post_init__(self) -> None:
        care = self.care
        checks = (
            ("--seconds", care.seconds, 0.1 <= care.seconds <= 3600, "0.1 to 3600"),  # noqa: PLR2004
            ("--stability", care.stability, care.stability > 0, "a share above 0, such as 0.1"),
            ("--attempts", care.attempts, 1 <= care.attempts <= 100, "1 to 100"),  # noqa: PLR2004
            ("--max-samples", self.max_samples, self.max_samples >= 1, "1 or more"),
        )
        for option, got, holds, expected in checks:
            if not holds:
                raise BadSetting(option=option, got=got, expected=expected)


def run(request: BenchRequest, tell: Tell) -> tuple[Report, Path]:
    """Measure every scenario; the report, and the folder in which it was written.

    Raises:
        PerfError: There is nothing to measure, nothing to measure with, or nowhere to write; a scenario
            that fails is part of the report instead.
        RecordsError: The data file is not usable.
        KeyboardInterrupt: Ctrl+C came before anything was measured; afterwards the report says so.
    """
    texts = _texts(request)
    server = Server(address.parse(request.url))
    server_version = server.version()
    model = server.model(request.model, request.version)
    program = installation.find(request.perf_analyzer)
    date = facts.now()
    tell("asking for every text once", 0.0)
    asked = quality.ask(server.address, model, texts)
    folder = report.new_folder(request.output or default_folder("bench", request.model, date))
    sweep = Sweep(
        program=program,
        server=server,
        target=_target(asked.texts, server, model, folder),
        care=request.care,
        raw=folder / report.RAW,
    )
    outcomes, interrupted = sweep.run(request.scenarios, tell)
    if interrupted and not outcomes:
        raise KeyboardInterrupt
    result = Report(
        model=asdict(model),
        server={"url": str(server.address), "version": server_version},
        data=data_facts(asked),
        settings={**asdict(request.care), "windows": WINDOWS, "seed": request.seed},
        machine=facts.machine(server.address),
        versions={"tritext": facts.tritext_version(), "perf_analyzer": program.version},
        date=date,
        metrics=asked.metrics,
        outcomes=outcomes,
        interrupted=interrupted,
    )
    report.write(result, folder)
    return result, folder


def _texts(request: BenchRequest) -> Texts:
    return input_data.read(
        request.data,
        text_column=request.text_column,
        label_column=request.label_column,
        label_separator=request.label_separator,
        most=request.max_samples,
        seed=request.seed,
    )


def _target(texts: Texts, server: Server, model: ServedModel, folder: Path) -> Target:
    path = folder / report.RAW / "texts.json"
    input_data.write(texts.texts, path, input_name=model.input_name)
    return Target(model=model, address=server.address, input_data=path)


def default_folder(kind: str, model: str, date: str) -> Path:
    return Path(kind) / f"{model}-{date[:19].replace(':', '')}"


def data_facts(asked: Quality) -> Mapping[str, Any]:
    texts = asked.texts
    return {
        "path": str(texts.path),
        "sha256": texts.sha256,
        "rows": texts.rows,
        "texts": len(texts),
        "refused": asked.refused,
        "remark": asked.remark,
        "characters": texts.lengths,
        "tokens": asked.tokens,
    }
