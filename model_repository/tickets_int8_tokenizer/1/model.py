"""The first step as Triton runs it: what clients send in, the model's input rows and TOKEN_COUNT out.

What a request means is the task's, in the module `rows` of the folder that the settings name.
"""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import triton_python_backend_utils as pb_utils

from .encoding import Encoder
from .requests import BadRequest, Tensors, read_each
from .responses import respond_to_all


class TritonPythonModel:
    """Triton's entrance: one instance per Python process."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        here = Path(__file__).parent
        settings = json.loads((here / "settings.json").read_text(encoding="utf-8"))
        encoder = Encoder.from_file(here / "tokenizer.json", **settings["encoder"])
        self._rows = import_module(f".{settings['task']}.rows", __package__).Rows(encoder, **settings["rows"])
        self._most_rows: int = settings["most_rows"]

    def execute(self, requests: Sequence[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        asked = read_each(requests, self._rows.read)
        encoded = iter(self._rows.encode([ask for ask in asked if not isinstance(ask, BadRequest)]))
        answers = (ask if isinstance(ask, BadRequest) else self._limited(next(encoded)) for ask in asked)
        return respond_to_all(requests, answers)

    def _limited(self, tensors: Tensors | BadRequest) -> Tensors | BadRequest:
        """As it is, unless it is more than the model takes at once."""
        if isinstance(tensors, BadRequest) or (rows := len(tensors["input_ids"])) <= self._most_rows:
            return tensors
        return BadRequest(
            f"this request makes {rows} rows for the model, which takes {self._most_rows} at once; "
            f"send less in one request"
        )
