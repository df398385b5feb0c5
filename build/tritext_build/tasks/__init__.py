"""The tasks that a build can serve, and how a checkpoint's own config picks one."""

from transformers import PretrainedConfig

from tritext_build.errors import UnknownTask, UnsupportedTask, WrongTask

from .feature_extraction import FeatureExtraction
from .fill_mask import FillMask
from .question_answering import QuestionAnswering
from .task import Task
from .text_classification import TextClassification
from .text_ranking import TextRanking
from .token_classification import TokenClassification
from .zero_shot_classification import ZeroShotClassification

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        TextClassification(),
        ZeroShotClassification(),
        TextRanking(),
        TokenClassification(),
        QuestionAnswering(),
        FillMask(),
        FeatureExtraction(),
    )
}
"""By Hugging Face's name, the likelier of two that serve the same models first. A new task is one module here and
one entry in this table."""


def task_of(config: PretrainedConfig, *, source: str, asked: str | None = None, embeds: bool = False) -> Task:
    """The task asked for, or the one that a checkpoint's architecture is for, by the name in its config.

    A checkpoint that `embeds` says how its vectors make an embedding, and so is for feature extraction; one with a
    single output and settings for sentence-transformers is a cross-encoder, and so is for ranking.

    Raises:
        UnknownTask: There is no task of that name.
        WrongTask: The task asked for does not serve that architecture.
        UnsupportedTask: No task does.
    """
    architecture = next(iter(config.architectures or ()), "model without a declared architecture")
    if asked is not None:
        if asked not in TASKS:
            raise UnknownTask(task=asked, known=TASKS)
        if not architecture.endswith(TASKS[asked].architectures):
            raise WrongTask(
                source=source, architecture=architecture, task=asked, known=TASKS[asked].architectures
            )
        return TASKS[asked]
    embedding = TASKS["feature-extraction"]
    if embeds and architecture.endswith(embedding.architectures):
        return embedding
    ranking = TASKS["text-ranking"]
    if _is_cross_encoder(config) and architecture.endswith(ranking.architectures):
        return ranking
    for task in TASKS.values():
        if architecture.endswith(task.architectures):
            return task
    raise UnsupportedTask(
        source=source,
        architecture=architecture,
        known=(f"…{ending} ({task.name})" for task in TASKS.values() for ending in task.architectures),
    )


def _is_cross_encoder(config: PretrainedConfig) -> bool:
    """As `tritext train` and sentence-transformers (since its release 4) leave them."""
    return config.num_labels == 1 and getattr(config, "sentence_transformers", None) is not None


__all__ = ["TASKS", "Task", "TextClassification", "task_of"]
