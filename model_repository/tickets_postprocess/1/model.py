"""The last step as Triton runs it: the model's outputs in, RESULT (JSON) and its like out.

How outputs become answers is the task's, in the module `answers` of the folder that the settings name.
"""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import triton_python_backend_utils as pb_utils

from .metrics import Metrics
from .requests import BadRequest, read_each
from .responses import respond_to_all


class TritonPythonModel:
    """Triton's entrance: one instance per Python process."""

    def initialize(self, args: dict[str, str]) -> None:
        settings = json.loads((Path(__file__).parent / "settings.json").read_text(encoding="utf-8"))
        self._answers = import_module(f".{settings['task']}.answers", __package__).Answers(
            **settings["answers"]
        )
        self._metrics = Metrics(args)

    def execute(self, requests: Sequence[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        asked = read_each(requests, self._answers.read)
        answers = [ask if isinstance(ask, BadRequest) else self._answers.answer(ask) for ask in asked]
        self._metrics.count_refused(answers)
        return respond_to_all(requests, answers)

    def finalize(self) -> None:
        """Called before the process ends."""
        self._metrics.close()
