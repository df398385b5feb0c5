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

from .backlog import Backlog
from .encoding import Encoder
from .metrics import Metrics
from .requests import BadRequest, Tensors, read_each
from .responses import respond_to_all


class TritonPythonModel:
    """Triton's entrance: one instance per Python process."""

    def initialize(self, args: dict[str, str]) -> None:
        here = Path(__file__).parent
        settings = json.loads((here / "settings.json").read_text(encoding="utf-8"))
        encoder = Encoder.from_file(here / "tokenizer.json", **settings["encoder"])
        encoder.encode(["."])  # The first call takes a hundred times as long, which no user shall wait for.
        self._rows = import_module(f".{settings['task']}.rows", __package__).Rows(encoder, **settings["rows"])
        self._most_rows: int = settings["most_rows"]
        self._metrics = Metrics(args, max_length=encoder.max_length)
        self._backlog = Backlog(args)

    def execute(self, requests: Sequence[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        self._backlog.wait()
        asked = read_each(requests, self._rows.read)
        encoded = iter(self._rows.encode([ask for ask in asked if not isinstance(ask, BadRequest)]))
        answers = [ask if isinstance(ask, BadRequest) else self._limited(next(encoded)) for ask in asked]
        self._metrics.count(asked, answers)
        rows = [len(answer["input_ids"]) for answer in answers if not isinstance(answer, BadRequest)]
        self._backlog.add(len(rows), sum(rows))
        return respond_to_all(requests, answers)

    def finalize(self) -> None:
        """Called before the process ends."""
        self._metrics.close()

    def _limited(self, tensors: Tensors | BadRequest) -> Tensors | BadRequest:
        """As it is, unless it is more than the model takes at once."""
        if isinstance(tensors, BadRequest) or (rows := len(tensors["input_ids"])) <= self._most_rows:
            return tensors
        return BadRequest(
            f"this request makes {rows} rows for the model, which takes {self._most_rows} at once; "
            f"send less in one request",
            reason="too_many_rows",
        )
