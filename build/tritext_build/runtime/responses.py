"""What goes back to Triton: a request's tensors, or the client's mistake."""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

from collections.abc import Iterable

import triton_python_backend_utils as pb_utils

from .requests import BadRequest, Tensors


def respond(request: pb_utils.InferenceRequest, tensors: Tensors | BadRequest) -> pb_utils.InferenceResponse:
    """The tensors that the request wants, or its refusal: INVALID_ARGUMENT over gRPC, 400 over HTTP."""
    if isinstance(tensors, BadRequest):
        error = pb_utils.TritonError(str(tensors), pb_utils.TritonError.INVALID_ARG)
        return pb_utils.InferenceResponse(output_tensors=[], error=error)
    wanted = set(request.requested_output_names())
    return pb_utils.InferenceResponse(
        [pb_utils.Tensor(name, array) for name, array in tensors.items() if name in wanted]
    )


def respond_to_all(
    requests: Iterable[pb_utils.InferenceRequest], answers: Iterable[Tensors | BadRequest]
) -> list[pb_utils.InferenceResponse]:
    """As `respond`, for each request of a batch with its answer."""
    return [respond(request, answer) for request, answer in zip(requests, answers, strict=True)]
