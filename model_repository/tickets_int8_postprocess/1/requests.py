"""What a request of a dynamic batch says: its texts and its parameters, checked one request at a time.

Knows Triton's requests; knows nothing of tokenizers or models. A client's mistake is a `BadRequest`, which
costs that request its answer and no other.
"""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy.typing as npt
import triton_python_backend_utils as pb_utils

Read = TypeVar("Read")


class BadRequest(ValueError):
    """A client's mistake, in one sentence."""


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


def refuse(mistake: BadRequest) -> pb_utils.InferenceResponse:
    """The response that carries a client's mistake: INVALID_ARGUMENT over gRPC, 400 over HTTP."""
    return pb_utils.InferenceResponse(
        output_tensors=[], error=pb_utils.TritonError(str(mistake), pb_utils.TritonError.INVALID_ARG)
    )


def texts_of(request: pb_utils.InferenceRequest, name: str) -> list[str]:
    """The rows of the BYTES input `name`, shape [rows, 1], as text.

    Raises:
        BadRequest: A row is not UTF-8.
    """
    return [_decode(value, name, row) for row, value in enumerate(array_of(request, name).reshape(-1))]


def array_of(request: pb_utils.InferenceRequest, name: str) -> npt.NDArray[Any]:
    """The input `name`, which Triton has checked against config.pbtxt, so that it is there."""
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    assert tensor is not None  # noqa: S101
    return tensor.as_numpy()


def _decode(value: bytes, name: str, row: int) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"{name} row {row} is not valid UTF-8: byte 0x{value[error.start]:02x} at position {error.start}; "
            f"send text encoded as UTF-8"
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
        raise BadRequest(f"the parameter {name} takes {' or '.join(map(repr, choices))}, not {value!r}")
    return str(value)
