"""Text classification: what is asked of the ensemble, and what its outputs mean. Knows no network."""

import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import numpy as np

from tritext.conversation import Conversation, Delivery, Errors, Question
from tritext.failures import ServerFailed
from tritext.results import Label
from tritext.transport import Arrays

TASK = "text-classification"
MOST_LABELS = 2**31 - 1


class Options(TypedDict, total=False):
    """Keyword arguments of `classify` and `stream`, all optional.

    Attributes:
        top_k: How many labels, best first; "all" or None for every one. Default 1.
        function_to_apply: "softmax", "sigmoid" or "none" in place of the model's own.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
        version: A version of the model; the newest that is ready if not given.
        timeout: Seconds for each request with its retries; the client's own if not given.
        batch_size: Texts in one request; the model's `max_batch_size` if not given.
    """

    top_k: int | Literal["all"] | None
    function_to_apply: str | None
    truncation: str | None
    version: str | int
    timeout: float | None
    batch_size: int | None


def plan(model: str, errors: Errors, options: Mapping[str, Any]) -> tuple[Question, Delivery]:
    """The `Options` of a call as what is asked and how it is sent."""
    asked = dict(options)
    sent = {name: asked.pop(name) for name in ("timeout", "batch_size") if name in asked}
    return labels_question(model, **asked), Delivery(errors=errors, **sent)


def labels_question(
    model: str,
    *,
    top_k: int | Literal["all"] | None = 1,
    function_to_apply: str | None = None,
    truncation: str | None = None,
    version: str | int = "",
) -> Question:
    """The best labels of each text."""
    parameters = {
        "top_k": _carried(top_k),
        "function_to_apply": function_to_apply,
        "truncation": truncation,
    }
    return _question(model, version, ("RESULT",), _labels, parameters)


def probabilities_question(model: str, *, truncation: str | None = None, version: str | int = "") -> Question:
    """The probabilities of all labels of each text: FP32 [labels]."""
    return _question(
        model, version, ("PROBABILITIES",), lambda arrays: arrays["PROBABILITIES"], {"truncation": truncation}
    )


def token_counts_question(model: str, *, version: str | int = "") -> Question:
    """The length of each text in tokens, before truncation: INT32 [1]."""
    return _question(model, version, ("TOKEN_COUNT",), lambda arrays: arrays["TOKEN_COUNT"], {})


def _question(
    model: str,
    version: str | int,
    outputs: tuple[str, ...],
    decode: Any,
    parameters: dict[str, Any],
    *,
    classes: int = 0,
) -> Question:
    return Question(
        task=TASK,
        model=model,
        version=str(version),
        outputs=outputs,
        parameters={name: value for name, value in parameters.items() if value is not None},
        decode=decode,
        classes=classes,
    )


def _carried(top_k: Any) -> int | str:
    """Within what the protocols carry; more labels than there are is all of them anyway."""
    if top_k is None or isinstance(top_k, str):
        return top_k or "all"
    return max(-1, min(operator.index(top_k), MOST_LABELS))


def _labels(arrays: Arrays) -> Sequence[list[Label]]:
    try:
        return [[Label(**entry) for entry in json.loads(row)] for row in arrays["RESULT"].reshape(-1)]
    except (TypeError, ValueError) as error:
        raise ServerFailed(f"RESULT is not a JSON list of labels and scores ({error})") from error


def _names(arrays: Arrays) -> Sequence[tuple[str, ...]]:
    """Each row holds "value:index:label", best first."""
    return [
        tuple(label for _, label in sorted(_indexed(entry) for entry in row))
        for row in np.atleast_2d(arrays["PROBABILITIES"])
    ]


def _indexed(entry: bytes) -> tuple[int, str]:
    _, index, label = entry.decode().split(":", 2)
    return int(index), label


async def label_names(talk: Conversation, model: str, version: str | int) -> tuple[str, ...]:
    """The names of a model's labels in the order of PROBABILITIES.

    By Triton's classification extension, on the answer to an arbitrary text:
    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
    """
    numbers = await talk.output(probabilities_question(model, version=version))
    question = _question(model, version, (numbers.name,), _names, {}, classes=numbers.shape[-1])
    names: tuple[str, ...] = await talk.answer(question, "labels", Delivery())
    return names
