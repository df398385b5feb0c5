"""The checkpoint in the server's place: asked as a served model is, it answers by itself, in PyTorch and FP32.

Where transformers has a pipeline of the task, that answers; else the served version's own steps around the torch model.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritext import Client
    from tritext.results import ServedModel
    from tritext.task import Task
    from tritext_build import TaskOptions
    from tritext_build.checkpoint import Checkpoint

Answer = Callable[..., Any]
"""From an item and the options of the client's method to the record (or array) that the method returns."""


def original(
    served: "ServedModel",
    source: str,
    *,
    max_length: int,
    revision: str | None = None,
    allow_pickle: bool = False,
) -> Callable[..., Iterator[Any]]:
    """The answers of a checkpoint to items, as those of the model that was built from it.

    Raises:
        TritextError: The checkpoint cannot be used, or not for the model's task.
    """
    from tritext.tasks import task_of
    from tritext_build.checkpoint import open_checkpoint
    from tritext_build.pipelines import PIPELINES

    task = task_of(served)
    checkpoint, model = open_checkpoint(source, task=task.name, revision=revision, allow_pickle=allow_pickle)
    if task.name in PIPELINES:
        answer = _by_pipeline(task, checkpoint, model, max_length=max_length)
    else:
        answer = _by_steps(task, checkpoint, model, served=served, max_length=max_length)

    def ask(items: Iterable[Any], **options: Any) -> Iterator[Any]:
        return (answer(item, **options) for item in items)

    return ask


def width(client: "Client", name: str) -> int:
    """The served model's longest input in tokens, which is the width of its tokenizer's rows."""
    from tritext import IncompatibleModel

    step = f"{name}_tokenizer"
    rows = client.model(step).output("input_ids")
    if rows is None:
        raise IncompatibleModel(name=step, expected="an output input_ids", got="none")
    return rows.shape[-1]


def _by_pipeline(task: "Task", checkpoint: "Checkpoint", model: Any, *, max_length: int) -> Answer:
    import numpy as np

    from tritext_build.pipelines import pipeline_answers

    answers = pipeline_answers(checkpoint, model, max_length=max_length)

    def answer(item: Any, **options: Any) -> Any:
        document = json.dumps(answers(item, **options), default=lambda number: number.item())  # numpy's
        return task.records(np.array([document], np.object_))[0]

    return answer


def _by_steps(
    task: "Task", checkpoint: "Checkpoint", model: Any, *, served: "ServedModel", max_length: int
) -> Answer:
    from tritext.failures import InvalidText
    from tritext.items import encode, form_of
    from tritext_build.unserved import Unserved

    unserved = Unserved(checkpoint, model, max_length=max_length, options=_options(served))
    form = form_of(task.fields, served)

    def answer(item: Any, **options: Any) -> Any:
        row = encode(item, form.fields, 0)
        if isinstance(row, InvalidText):
            raise row
        question = task.question(served.name, options)
        arrays = unserved.infer(form.tensors([row]), question.parameters, outputs=question.outputs)
        return question.decode(
            arrays if form.stacked else {name: array[None] for name, array in arrays.items()}
        )[0]

    return answer


def _options(served: "ServedModel") -> "TaskOptions":
    """What the build was told of how to serve, as the model shows it."""
    from tritext_build import TaskOptions

    return TaskOptions(pairs=served.input("TEXT_PAIR") is not None)
