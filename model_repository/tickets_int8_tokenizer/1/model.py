"""The tokenizer step as Triton runs it: TEXT in, the model's input rows and TOKEN_COUNT out."""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import triton_python_backend_utils as pb_utils

from .encoding import Encoder, Rows
from .requests import BadRequest, choice, parameters_of, read_each, refuse, texts_of

TRUNCATIONS = ("truncate", "error")


@dataclass(frozen=True)
class TextRequest:
    """What one request asks for."""

    texts: list[str]
    truncation: str

    @classmethod
    def read(cls, request: pb_utils.InferenceRequest) -> TextRequest:
        parameters = parameters_of(request)
        return cls(texts_of(request, "TEXT"), choice(parameters, "truncation", TRUNCATIONS, "truncate"))


class TritonPythonModel:
    """Triton's entrance: one instance per Python process."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        here = Path(__file__).parent
        settings = json.loads((here / "settings.json").read_text(encoding="utf-8"))
        self._encoder = Encoder.from_file(here / "tokenizer.json", **settings)

    def execute(self, requests: Sequence[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        asked = read_each(requests, TextRequest.read)
        rows = self._encoder.encode(
            [text for ask in asked if isinstance(ask, TextRequest) for text in ask.texts]
        )
        responses, start = [], 0
        for request, ask in zip(requests, asked, strict=True):
            if isinstance(ask, BadRequest):
                responses.append(refuse(ask))
                continue
            stop = start + len(ask.texts)
            responses.append(self._respond(request, ask, rows, slice(start, stop)))
            start = stop
        return responses

    def _respond(
        self, request: pb_utils.InferenceRequest, ask: TextRequest, rows: Rows, mine: slice
    ) -> pb_utils.InferenceResponse:
        counts = rows.token_counts[mine]
        longest = int(counts.max(initial=0))
        if ask.truncation == "error" and longest > self._encoder.max_length:
            return refuse(
                BadRequest(
                    f"TEXT row {int(counts.argmax())} has {longest} tokens, more than this model's "
                    f"{self._encoder.max_length}; shorten it, or send the parameter truncation='truncate'"
                )
            )
        arrays = {name: rows.inputs[name][mine] for name in rows.inputs} | {
            "TOKEN_COUNT": counts.reshape(-1, 1)
        }
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, arrays[name]) for name in arrays if name in wanted]
        )
