"""The last step of text classification as Triton runs it: logits in, RESULT (JSON) out."""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import triton_python_backend_utils as pb_utils

from .classification import FUNCTIONS, answers, to_json
from .requests import BadRequest, array_of, choice, parameters_of, read_each, refuse

ALL = "all"
"""The value of the parameter `top_k` that asks for every label."""


@dataclass(frozen=True)
class AnswerRequest:
    """What one request asks for."""

    logits: npt.NDArray[np.float32]
    function_to_apply: str
    top_k: int | None


class TritonPythonModel:
    """Triton's entrance: one instance per Python process."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        settings = json.loads((Path(__file__).parent / "settings.json").read_text(encoding="utf-8"))
        self._labels: list[str] = settings["labels"]
        self._function: str = settings["function_to_apply"]

    def execute(self, requests: Sequence[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        asked = read_each(requests, self._read)
        return [refuse(ask) if isinstance(ask, BadRequest) else self._respond(ask) for ask in asked]

    def _read(self, request: pb_utils.InferenceRequest) -> AnswerRequest:
        parameters = parameters_of(request)
        return AnswerRequest(
            array_of(request, "logits"),
            choice(parameters, "function_to_apply", tuple(FUNCTIONS), self._function),
            _top_k(parameters.get("top_k", 1)),
        )

    def _respond(self, ask: AnswerRequest) -> pb_utils.InferenceResponse:
        rows = answers(ask.logits, self._labels, function_to_apply=ask.function_to_apply, top_k=ask.top_k)
        result = np.array([[to_json(row)] for row in rows], dtype=np.object_).reshape(-1, 1)
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", result)])


def _top_k(value: Any) -> int | None:
    if value == ALL:
        return None
    try:
        count = int(value)
    except (TypeError, ValueError):
        count = 0
    if isinstance(value, bool) or count < 1:
        raise BadRequest(f"the parameter top_k takes a whole number from 1 up, or {ALL!r}, not {value!r}")
    return count
