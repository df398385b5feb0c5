"""The tasks that a build can serve, and how a checkpoint's own config picks one."""

from transformers import PretrainedConfig

from tritext_build.errors import UnsupportedTask

from .task import Task
from .text_classification import TEXT_CLASSIFICATION

TASKS = {task.name: task for task in (TEXT_CLASSIFICATION,)}
"""By Hugging Face's name. A new task is one module here and one entry in this table."""


def task_of(config: PretrainedConfig, *, source: str) -> Task:
    """The task of a checkpoint, by the architecture that its config names.

    Raises:
        UnsupportedTask: No task serves that architecture.
    """
    architecture = next(iter(config.architectures or ()), "model without a declared architecture")
    for task in TASKS.values():
        if architecture.endswith(task.architecture_suffix):
            return task
    raise UnsupportedTask(
        source=source,
        architecture=architecture,
        known=(f"…{task.architecture_suffix} ({task.name})" for task in TASKS.values()),
    )


__all__ = ["TASKS", "Task", "task_of"]
