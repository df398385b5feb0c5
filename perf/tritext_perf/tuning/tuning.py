"""From a way to serve settings and a data file to a report: puts the other modules together, in the order in which things can fail."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tritext import address
from tritext.errors import TritextError
from tritext_perf import benchmark, facts, input_data, installation, quality, report
from tritext_perf.errors import BadSetting, DefaultFailed, PerfError
from tritext_perf.input_data import Texts
from tritext_perf.installation import PerfAnalyzer
from tritext_perf.perf_analyzer import WINDOWS
from tritext_perf.quality import Quality
from tritext_perf.server import ServedModel, Server
from tritext_perf.sweep import Tell
from tritext_perf.tuning import choosing
from tritext_perf.tuning.choosing import Verdict
from tritext_perf.tuning.measuring import Serve, Stand
from tritext_perf.tuning.objective import Objective
from tritext_perf.tuning.report import TuneReport
from tritext_perf.tuning.search import Search
from tritext_perf.tuning.trial import Setting

SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 0.5, 3.0
WINDOWS_IN_BUDGET = 300
"""How many windows of the first stage would fill the budget, if there were nothing but windows."""

LONGEST_BUDGET = 24 * 60.0


@dataclass(frozen=True, kw_only=True)
class TuneRequest:
    """What is wanted, for which texts, in how much time."""

    model: str
    data: Path
    objective: Objective
    budget: float = 10.0
    """Minutes."""
    keep_best: bool = False
    seed: int = 0
    max_samples: int = 500
    text_column: str | None = None
    perf_analyzer: Path | None = None
    output: Path | None = None
    """`tune/MODEL-DATE` if not given."""

    def __post_init__(self) -> None:
        if not 0 < self.budget <= LONGEST_BUDGET:
            raise BadSetting(
                option="--budget", got=self.budget, expected=f"minutes above 0 and up to {LONGEST_BUDGET:g}"
            )
        if self.max_samples < 1:
            raise BadSetting(option="--max-samples", got=self.max_samples, expected="1 or more")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be tried, and how it is served."""

    default: Setting
    first: Sequence[Setting]
    refine: Callable[[Any], Sequence[Setting]]
    serve: Callable[[Any], AbstractContextManager[str]]


def run(request: TuneRequest, settings: Settings, tell: Tell) -> tuple[TuneReport, Path]:
    """Search, judge, and say so; the report, not yet written, and the folder for it.

    Raises:
        PerfError: There is nothing to measure, nothing to measure with, or nowhere to write; a setting that fails is
            part of the report instead.
        RecordsError: The data file is not usable.
        KeyboardInterrupt: Ctrl+C came before anything was measured; afterwards the report says so.
    """
    began = time.monotonic()
    texts = _texts(request)
    program = installation.find(request.perf_analyzer)
    date = facts.now()
    folder = report.new_folder(request.output or benchmark.default_folder("tune", request.model, date))
    tell("asking for every text once", 0.0)
    server, model, asked, machine = _first_look(request.model, settings, texts)
    stand = _stand(request, settings.serve, program, asked, model, folder)
    search = _search(request, settings, stand, tell, began=began)
    interrupted = False
    try:
        search.run()
    except KeyboardInterrupt:
        if not search.trials:
            raise
        interrupted = True
    result = TuneReport(
        model=asdict(model),
        server=server,
        data=benchmark.data_facts(asked),
        settings={"budget": request.budget, "windows": WINDOWS, "seed": request.seed},
        machine=machine,
        versions={"tritext": facts.tritext_version(), "perf_analyzer": program.version},
        date=date,
        objective=request.objective,
        default=settings.default,
        trials=search.trials,
        untried=search.untried,
        verdict=None if interrupted else _verdict(search, keep_best=request.keep_best),
        interrupted=interrupted,
    )
    return result, folder


def _texts(request: TuneRequest) -> Texts:
    return input_data.read(
        request.data,
        text_column=request.text_column,
        label_column=None,
        label_separator=None,
        most=request.max_samples,
        seed=request.seed,
    )


def _first_look(
    name: str, settings: Settings, texts: Texts
) -> tuple[dict[str, str], ServedModel, Quality, dict[str, Any]]:
    """Serve the default once: what the model is, and which of the texts it takes."""
    try:
        with settings.serve(settings.default) as url:
            server = Server(address.parse(url))
            model = server.model(name)
            asked = quality.ask(server.address, model, texts)
            return {"version": server.version()}, model, asked, facts.machine(server.address)
    except PerfError:
        raise
    except TritextError as error:
        raise DefaultFailed(reason=str(error)) from error


def _stand(
    request: TuneRequest,
    serve: Serve,
    program: PerfAnalyzer,
    asked: Quality,
    model: ServedModel,
    folder: Path,
) -> Stand:
    path = folder / report.RAW / "texts.json"
    input_data.write(asked.texts.texts, path, input_name=model.input_name)
    return Stand(
        serve=serve,
        program=program,
        model=request.model,
        texts=asked.texts.texts,
        input_data=path,
        scenario=request.objective.scenario,
        raw=folder / report.RAW,
    )


def _search(request: TuneRequest, settings: Settings, stand: Stand, tell: Tell, *, began: float) -> Search:
    budget = request.budget * 60
    return Search(
        objective=request.objective,
        default=settings.default,
        first=settings.first,
        refine=settings.refine,
        measure=stand.measure,
        seconds=min(LONGEST_WINDOW_S, max(SHORTEST_WINDOW_S, budget / WINDOWS_IN_BUDGET)),
        budget=budget,
        tell=tell,
        began=began,
    )


def _verdict(search: Search, *, keep_best: bool) -> Verdict:
    finalists = dict.fromkeys(trial.setting for trial in search.trials if trial.stage == "final")
    default, *others = [search.standing(setting, "final") for setting in finalists]
    if not default.measured:
        raise DefaultFailed(reason="every one of its final measurements failed.")
    return choosing.choose(default, [one for one in others if one.measured], keep_best=keep_best)
