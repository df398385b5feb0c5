"""Hyper-parameter search with Optuna: runs of `train` that differ in a few options, of which the best is published.

Trials are judged by the validation figure that chooses epochs; those that fall behind are ended early. It refuses to
know how a run trains.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from transformers import AutoConfig

from tritext.checkpoints import locate, sha256, transformer_folder
from tritext.console import err
from tritext_training import loop
from tritext_training.errors import BadOption, Diverged, NothingFound, Pruned, SearchAlone
from tritext_training.listening import Listener
from tritext_training.options import TrainingOptions
from tritext_training.processes import together
from tritext_training.run import train
from tritext_training.search_report import write_search_report
from tritext_training.tasks import Metric, open_task
from tritext_training.tracking import Tracking, tracked
from tritext_training.work import WorkFolder, refuse_existing, work_folder

BATCH_SIZES = (8, 16, 32, 64)
MOST_EPOCHS = 8
FIRST_UNPRUNED = 3
"""Trials that run to their end before any is compared with them."""

ENDED, SECONDS, EPOCHS_RUN = "ended", "seconds", "epochs_run"


@dataclass(frozen=True, kw_only=True)
class Searching:
    """One search: what is varied, and how a trial is judged."""

    options: TrainingOptions
    work: WorkFolder
    study: Study
    best: Metric
    learning_rate: float
    tracking: Tracking | None

    names: ClassVar[tuple[str, ...]] = ("learning_rate", "batch_size", "epochs")

    def suggested(self, trial: Trial) -> dict[str, Any]:
        """Values for the options that were left open."""
        found: dict[str, Any] = {}
        names = open_names(self.options)
        if "learning_rate" in names:
            low, high = self.learning_rate / 8, self.learning_rate * 4
            found["learning_rate"] = _short(trial.suggest_float("learning_rate", low, high, log=True))
        if "batch_size" in names:
            found["batch_size"] = trial.suggest_categorical("batch_size", BATCH_SIZES)
        if "epochs" in names:
            found["epochs"] = trial.suggest_int("epochs", 2, MOST_EPOCHS)
        return found

    def output(self, values: Mapping[str, Any]) -> Path:
        """Named by its values, so that a trial that was killed goes on when it is tried again."""
        return self.work.path / "trials" / "-".join(f"{name}={value}" for name, value in values.items())

    def trained(self, trial: Trial, values: Mapping[str, Any]) -> dict[str, Any]:
        output = self.output(values)
        output.parent.mkdir(exist_ok=True)
        return train(
            replace(self.options, output=output, overwrite=True, **values),
            tracking=self.tracking,
            listeners=[Watching(trial, self.best)],
        )


class Watching(Listener):
    """Tells the study every epoch's figure, and ends a trial that falls behind."""

    def __init__(self, trial: Trial, best: Metric) -> None:
        self._trial, self._best = trial, best

    def epoch(self, number: float, figures: Mapping[str, float]) -> None:
        self._trial.set_user_attr(EPOCHS_RUN, number)
        # Ctrl+C ended it within an epoch; whole ones alone can be compared.
        if not float(number).is_integer():
            return
        self._trial.report(figures[f"validation_{self._best.key}"], step=round(number))
        if self._trial.should_prune():
            raise Pruned


def search(
    options: TrainingOptions,
    *,
    trials: int,
    tracking: Tracking | None = None,
    listeners: Sequence[Listener] = (),
) -> dict[str, Any]:
    """Try `trials` settings of the options that were left open, and publish the best one's checkpoint and reports.

    Returns:
        The winner's report; under `search` the trials.

    Raises:
        TritextError: Data, base, options or disk do not allow it; one sentence each.
    """
    loop.silence()
    _check(options, trials)
    best = open_task(options).best
    job = {**options.identity(), "search": True, "data (sha256)": sha256(options.data)}
    with (
        work_folder(options.output, job=job, overwrite=options.overwrite) as work,
        tracked(tracking, name=options.output.name, folder=work.path) as kept,
    ):
        if kept:
            kept.settle({**options.as_json(), "trials": trials})
        part = replace(tracking, register=None, parent=kept.place["run_id"]) if tracking and kept else None
        searching = Searching(
            options=options,
            work=work,
            study=_study(work, best, options.seed),
            best=best,
            learning_rate=options.learning_rate or _usual_rate(options),
            tracking=part,
        )
        _try(searching, trials, listeners)
        report = _publish(searching, kept.place if kept else None)
        registered = kept.publish(work.result, report) if kept else None
        work.publish()
    if registered:
        report["registered"] = {"name": registered.name, "version": registered.version}
    return report


def _check(options: TrainingOptions, trials: int) -> None:
    team = together()
    with team.agreeing():
        if team.size > 1:
            raise SearchAlone
    if trials < 1:
        raise BadOption(option="search", value=trials, expected="at least 1 trial")
    if not open_names(options):
        expected = f"at least one of {', '.join(_flag(name) for name in Searching.names)} left open"
        raise BadOption(option="search", value=trials, expected=expected)
    refuse_existing(options.output, overwrite=options.overwrite)


def open_names(options: TrainingOptions) -> list[str]:
    """The options that the search may choose: those that the user did not."""
    return [name for name in Searching.names if getattr(options, name) is None]


def _usual_rate(options: TrainingOptions) -> float:
    folder = transformer_folder(locate(options.base, revision=options.revision))
    return loop.default_learning_rate(AutoConfig.from_pretrained(folder).hidden_size)


def _study(work: WorkFolder, best: Metric, seed: int) -> Study:
    """The study in the work folder; what ran when an earlier search was killed is to be tried again."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name="search",
        storage=f"sqlite:///{work.path / 'study.db'}",
        direction="maximize" if best.greater_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_UNPRUNED),
        load_if_exists=True,
    )
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def ended(study: Study) -> list[FrozenTrial]:
    """Trials that ran to their end, or were ended for what they showed."""
    return [trial for trial in study.get_trials(deepcopy=False) if ENDED in trial.user_attrs]


def _try(searching: Searching, trials: int, listeners: Sequence[Listener]) -> None:
    """Trial by trial, until there are so many or Ctrl+C asks for the best so far."""
    study = searching.study
    if not study.get_trials(deepcopy=False):
        first = {"learning_rate": searching.learning_rate, "batch_size": 16, "epochs": loop.FEWEST_EPOCHS}
        study.enqueue_trial({name: first[name] for name in open_names(searching.options)})
    while (done := len(ended(study))) < trials:
        trial = study.ask()
        values = searching.suggested(trial)
        said = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in values.items())
        err.print(f"trial {done + 1}/{trials}: {said}", highlight=False)
        for listener in listeners:
            listener.progress(done / trials, f"trial {done + 1} of {trials}")
        try:
            interrupted = _one(searching, trial, values)
        except KeyboardInterrupt:
            if not study.get_trials(states=[TrialState.COMPLETE]):
                raise
            interrupted = True
        if interrupted:
            return


def _one(searching: Searching, trial: Trial, values: Mapping[str, Any]) -> bool:
    """Run one trial and keep its checkpoint if it is the best so far; whether Ctrl+C ended it."""
    started, study = time.monotonic(), searching.study
    state, figure, interrupted = TrialState.COMPLETE, None, False
    try:
        run = searching.trained(trial, values)["training"]
        figure, interrupted = run["best_figure"], run["interrupted"]
    except (Pruned, Diverged) as error:
        state = TrialState.PRUNED if isinstance(error, Pruned) else TrialState.FAIL
    trial.set_user_attr(SECONDS, round(time.monotonic() - started, 1))
    trial.set_user_attr(ENDED, True)
    study.tell(trial, figure, state=state)
    _keep_only_best(searching)
    return interrupted


def _keep_only_best(searching: Searching) -> None:
    with suppress(ValueError):  # none is complete yet
        kept = searching.output(_values(searching.study.best_trial))
        for folder in kept.parent.iterdir():
            if folder != kept:
                shutil.rmtree(folder)


def _values(trial: FrozenTrial) -> dict[str, Any]:
    """As they were given to the run."""
    return {name: _short(value) if name == "learning_rate" else value for name, value in trial.params.items()}


def _short(rate: float) -> float:
    """Three digits, so that what a report says is what was done."""
    return float(f"{rate:.3g}")


def _publish(searching: Searching, place: Mapping[str, str] | None) -> dict[str, Any]:
    """The winner's folder as the result, with the trials in its reports."""
    study, result = searching.study, searching.work.result
    if not study.get_trials(states=[TrialState.COMPLETE]):
        raise NothingFound(trials=len(study.trials))
    winner = study.best_trial
    shutil.rmtree(result, ignore_errors=True)
    searching.output(_values(winner)).rename(result)
    path = result / "training_report.json"
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    report["options"]["output"] = str(searching.options.output)
    report["search"] = {
        "by": searching.best.key,
        "winner": winner.number + 1,
        "trials": [
            {
                "trial": trial.number + 1,
                **_values(trial),
                "state": trial.state.name.lower(),
                "figure": trial.value,
                "epochs_run": trial.user_attrs.get(EPOCHS_RUN),
                "seconds": trial.user_attrs[SECONDS],
                "curve": list(trial.intermediate_values.values()),
            }
            for trial in ended(study)
        ],
    }
    if place:
        report["tracking"] = dict(place)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write_search_report(result, report, searching.best)
    return report


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
