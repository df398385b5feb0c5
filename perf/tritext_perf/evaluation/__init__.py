"""How good a served model's answers are, by its task's metrics, and how far they are those of its checkpoint.

One module a task. A new task is a subclass of `Evaluation` in a module here, and its entry in `TASKS`.
"""

from collections.abc import Iterable
from pathlib import Path

from tritext.errors import TritextError
from tritext_perf.evaluation.evaluation import Ask, Evaluation, Figures, Options, Served
from tritext_perf.evaluation.feature_extraction import FeatureExtraction
from tritext_perf.evaluation.fill_mask import FillMask
from tritext_perf.evaluation.question_answering import QuestionAnswering
from tritext_perf.evaluation.text_classification import TextClassification
from tritext_perf.evaluation.text_ranking import TextRanking
from tritext_perf.evaluation.token_classification import TokenClassification
from tritext_perf.evaluation.zero_shot_classification import ZeroShotClassification

__all__ = ["TASKS", "Ask", "Evaluation", "Figures", "Options", "Served", "read_evaluation"]

TASKS: dict[str, type[Evaluation]] = {
    each.task: each
    for each in (
        TextClassification,
        TokenClassification,
        QuestionAnswering,
        ZeroShotClassification,
        FeatureExtraction,
        TextRanking,
        FillMask,
    )
}
"""By Hugging Face's name."""


class NoSuchTask(TritextError):
    """The model does something that cannot be evaluated."""

    def __init__(self, *, model: str, task: str | None, known: Iterable[str]) -> None:
        super().__init__(
            f"Model {model!r} cannot be evaluated: its task is {task or 'not said in its configuration'}, "
            f"expected one of {', '.join(known)}."
        )


class IdleColumn(TritextError):
    """A column was named that the task's data do not have."""

    def __init__(self, *, kind: str, task: str, columns: Iterable[str]) -> None:
        there = ", ".join(f"--{_dashed(each)}-column" for each in columns)
        super().__init__(f"--{_dashed(kind)}-column means nothing for {task}: its options are {there}.")


def _dashed(kind: str) -> str:
    return kind.replace("_", "-")


def read_evaluation(path: Path, served: Served, options: Options) -> Evaluation:
    """The data of the served model's task.

    Raises:
        NoSuchTask: It has none of `TASKS`.
        IdleColumn: A column was named that this task's data do not have.
        TritextError: The data are not usable, or not for this model.
    """
    task = TASKS.get(served.model.task or "")
    if task is None:
        raise NoSuchTask(model=served.model.name, task=served.model.task, known=TASKS)
    for kind in options.columns:
        if kind not in task.columns:
            raise IdleColumn(kind=kind, task=task.task, columns=task.columns)
    return task.read(path, served, options)
