"""The tasks that a client can ask for, by Hugging Face's name. A new task is one module and one entry here."""

from importlib import import_module

from tritext.failures import IncompatibleModel
from tritext.results import ServedModel
from tritext.task import Task

TASKS = {
    "text-classification": "tritext.classification",
    "token-classification": "tritext.tagging",
    "question-answering": "tritext.answering",
    "zero-shot-classification": "tritext.zero_shot",
    "feature-extraction": "tritext.embedding",
    "text-ranking": "tritext.ranking",
    "fill-mask": "tritext.mask_filling",
}
"""The module of each task, which holds its `TASK`."""


def task_named(name: str) -> Task:
    """The task of that name, one of `TASKS`."""
    task: Task = import_module(TASKS[name]).TASK
    return task


def task_of(model: ServedModel) -> Task:
    """The task that a model says it is for.

    Raises:
        IncompatibleModel: It says none, or one that this client does not know.
    """
    if model.task not in TASKS:
        got = f"one for {model.task}" if model.task else "a model without a task"
        raise IncompatibleModel(name=model.name, expected=f"a model for {', '.join(TASKS)}", got=got)
    return task_named(model.task)
