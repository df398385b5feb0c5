"""What a request of a dynamic batch says: its texts and its parameters, checked one request at a time.

Knows Triton's requests; knows nothing of tokenizers or models. A client's mistake is a `BadRequest`, which
costs that request its answer and no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

Read = TypeVar("Read")
Tensors = dict[str, npt.NDArray[Any]]

TRUNCATIONS = ("truncate", "error")
"""The values of the parameter `truncation` for tasks without windows."""


REASONS = ("encoding", "input", "parameter", "too_long", "too_many_rows")
"""Why requests are refused, as metrics name it: few and fixed, whatever clients send."""


class BadRequest(ValueError):
    """A client's mistake, in one sentence, and the one of `REASONS` that it counts under."""

    def __init__(self, sentence: str, *, reason: str = "input") -> None:
        super().__init__(sentence)
        self.reason = reason


def read_each(
    requests: Sequence[pb_utils.InferenceRequest], read: Callable[[pb_utils.InferenceRequest], Read]
) -> list[Read | BadRequest]:
    """Apply `read` to every request; a request that it refuses yields its `BadRequest` instead."""
    return [_attempt(read, request) for request in requests]


def _attempt(
    read: Callable[[pb_utils.InferenceRequest], Read], request: pb_utils.InferenceRequest
) -> Read | BadRequest:
    try:
        return read(request)
    except BadRequest as mistake:
        return mistake


def texts_of(request: pb_utils.InferenceRequest, name: str) -> list[str]:
    """The strings of the BYTES input `name`, in whatever shape, as text.

    Raises:
        BadRequest: One is not UTF-8.
    """
    return [_decode(value, name, row) for row, value in enumerate(array_of(request, name).reshape(-1))]


def array_of(request: pb_utils.InferenceRequest, name: str) -> npt.NDArray[Any]:
    """The input `name`, which Triton has checked against config.pbtxt, so that it is there."""
    array: npt.NDArray[Any] = next(tensor for tensor in request.inputs() if tensor.name() == name).as_numpy()
    return array


def _decode(value: bytes, name: str, row: int) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"{name} row {row} is not valid UTF-8: byte 0x{value[error.start]:02x} at position {error.start}; "
            f"send text encoded as UTF-8",
            reason="encoding",
        ) from None


def parameters_of(request: pb_utils.InferenceRequest) -> dict[str, Any]:
    """The request's parameters: names to strings, whole numbers or booleans."""
    parameters: dict[str, Any] = json.loads(request.parameters() or "{}")
    return parameters


def choice(parameters: dict[str, Any], name: str, choices: Sequence[str], default: str) -> str:
    """The value of a parameter that takes one of a few words.

    Raises:
        BadRequest: The value is none of them.
    """
    value = parameters.get(name, default)
    if value not in choices:
        raise BadRequest(
            f"the parameter {name} takes {' or '.join(map(repr, choices))}, not {value!r}", reason="parameter"
        )
    return str(value)


def whole_number(
    parameters: dict[str, Any], name: str, default: int, *, least: int = 0, word: str | None = None
) -> int:
    """The value of a parameter that takes a whole number from `least` up; where a word is taken as well, an error names it.

    Raises:
        BadRequest: The value is none.
    """
    value = parameters.get(name, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if isinstance(value, bool | float) or number < least:
        other = f", or {word!r}" if word else ""
        raise BadRequest(
            f"the parameter {name} takes a whole number from {least} up{other}, not {value!r}",
            reason="parameter",
        )
    return number


def flag(parameters: dict[str, Any], name: str, default: bool) -> bool:  # noqa: FBT001
    """The value of a parameter that is true or false.

    Raises:
        BadRequest: The value is neither.
    """
    value = parameters.get(name, default)
    word = str(value).lower()
    if word not in {"true", "false"}:
        raise BadRequest(f"the parameter {name} takes true or false, not {value!r}", reason="parameter")
    return word == "true"


def words(parameters: dict[str, Any], name: str, default: Sequence[str]) -> list[str]:
    """The value of a parameter that takes a list of strings, which travels as JSON.

    Raises:
        BadRequest: The value is none.
    """
    if name not in parameters:
        return list(default)
    value = parameters[name]
    try:
        found = json.loads(value)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise BadRequest(
            f"the parameter {name} takes a JSON list of strings, not {value!r}", reason="parameter"
        )
    return found


def refuse_long(
    name: str, counts: npt.NDArray[np.int32], max_length: int, *, remedy: str = "truncation='truncate'"
) -> BadRequest | None:
    """What `truncation="error"` answers to texts of `counts` tokens, if one is longer than `max_length`."""
    longest = int(counts.max(initial=0))
    if longest <= max_length:
        return None
    return BadRequest(
        f"{name} row {int(counts.argmax())} has {longest} tokens, more than this model's {max_length}; "
        f"shorten it, or send the parameter {remedy}",
        reason="too_long",
    )


def as_results(documents: Sequence[Any]) -> npt.NDArray[np.object_]:
    """One JSON document for each text as the tensor RESULT: BYTES [texts, 1]."""
    array = np.empty((len(documents), 1), np.object_)
    array[:, 0] = [json.dumps(document).encode() for document in documents]
    return array
