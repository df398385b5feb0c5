"""What a checkpoint answers by itself: transformers' own pipelines around its torch model, in FP32 on the CPU.

Knows nothing of graphs, steps and servers, so that what they answer can be compared with it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from transformers import Pipeline, PreTrainedModel, pipeline

from .checkpoint import Checkpoint
from .quiet import quiet

Answers = Callable[..., Any]
"""From a pipeline, an item and the options of the client's method to what the pipeline returns for that item."""


def pipeline_answers(
    checkpoint: Checkpoint, model: PreTrainedModel, *, max_length: int
) -> Callable[..., Any]:
    """The answers of a checkpoint that was opened for a task among `PIPELINES`.

    Call the result with an item, which is a text or a tuple of what belongs together, and the options of the client's
    method; it returns what the pipeline does.
    """
    task = checkpoint.task.name
    checkpoint.tokenizer.model_max_length = max_length
    with quiet():
        pipe = pipeline(task, model=model, tokenizer=checkpoint.tokenizer, device="cpu")  # type: ignore[call-overload]

    def answer(item: Any, **options: Any) -> Any:
        with quiet():
            return PIPELINES[task](pipe, item, **options)

    return answer


def _classified(pipe: Pipeline, item: Any, *, top_k: Any = 1, **options: Any) -> Any:
    """A list of labels, best first; `item` is a text or a pair of texts."""
    asked = item if isinstance(item, str) else {"text": item[0], "text_pair": item[1]}
    top_k = None if top_k == "all" else top_k
    return pipe([asked], top_k=top_k, truncation=True, **options)[0]


def _tagged(pipe: Pipeline, item: str, **options: Any) -> Any:
    return pipe(item, **options)


def _scored(pipe: Pipeline, item: tuple[str, Iterable[str]], **options: Any) -> Any:
    text, candidates = item
    return pipe(text, candidate_labels=list(candidates), **options)


def _filled(pipe: Pipeline, item: str, **options: Any) -> Any:
    return pipe(item, tokenizer_kwargs={"truncation": True}, **options)


PIPELINES: dict[str, Answers] = {
    "text-classification": _classified,
    "token-classification": _tagged,
    "zero-shot-classification": _scored,
    "fill-mask": _filled,
}
"""By task, how its pipeline is asked about an item. What is not here has no pipeline, or not one of its own answers."""
