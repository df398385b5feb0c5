"""The model NAME_explain as Triton runs it: a text in, what each of its words adds to the answer out.

The network that it explains is the served one itself, `NAME_model` of the same version, asked through Triton (business
logic scripting: https://github.com/triton-inference-server/python_backend#business-logic-scripting), so that its rows
share batches with everybody else's.
"""

# The stub fills Triton's module after this one is imported: annotations must stay unevaluated.
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import triton_python_backend_utils as pb_utils

from .encoding import Encoder
from .explanation.asking import Reader
from .explanation.explaining import Explainer
from .functions import Floats
from .requests import BadRequest
from .responses import respond
from .text_classification.rows import Rows

ROWS_AT_ONCE = 16
"""Rows in one request to the network, one request after the other: whoever else asks it waits for no more than these."""


class TritonPythonModel:
    """Triton's entrance: one instance per Python process."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        here = Path(__file__).parent
        settings = json.loads((here / "settings.json").read_text(encoding="utf-8"))
        encoder = Encoder.from_file(here / "tokenizer.json", **settings["encoder"])
        self._reader = Reader(Rows(encoder, **settings["rows"]), settings["explaining"]["labels"])
        self._explainer = Explainer(encoder, **settings["explaining"])
        self._network: Mapping[str, Any] = settings["network"]

    def execute(self, requests: Sequence[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        try:
            ask = self._reader.read(request)
            return respond(request, self._explainer.explain(ask, Served(request, **self._network)))
        except BadRequest as mistake:
            return respond(request, mistake)
        except NoAnswer as failure:
            return pb_utils.InferenceResponse(output_tensors=[], error=failure.error)


class NoAnswer(Exception):
    """The network did not answer; `error` says why, as Triton takes it."""

    def __init__(self, error: pb_utils.TritonError) -> None:
        super().__init__(str(error))
        self.error = error


class Served:
    """The served network as a function of rows, for the time of one request.

    Args:
        request: Whom the answer is for; when it is cancelled, nothing more is asked.
        model: The name of the model.
        version: Its version.
        inputs: By our names, what it calls its inputs.
        logits: What it calls its logits.
    """

    def __init__(
        self,
        request: pb_utils.InferenceRequest,
        *,
        model: str,
        version: int,
        inputs: Mapping[str, str],
        logits: str,
    ) -> None:
        self._request = request
        self._model = model
        self._version = version
        self._inputs = inputs
        self._logits = logits

    def __call__(self, rows: Mapping[str, npt.NDArray[np.int64]]) -> Floats:
        """The logits, FP32 [rows, labels].

        Raises:
            NoAnswer: The network gave none, or nobody waits for it any more.
        """
        count = len(rows["input_ids"])
        parts = [
            self._asked({name: array[start : start + ROWS_AT_ONCE] for name, array in rows.items()})
            for start in range(0, count, ROWS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def _asked(self, rows: Mapping[str, npt.NDArray[np.int64]]) -> Floats:
        if self._request.is_cancelled():
            raise NoAnswer(pb_utils.TritonError("the request was cancelled", pb_utils.TritonError.CANCELLED))
        response = pb_utils.InferenceRequest(
            model_name=self._model,
            model_version=self._version,
            requested_output_names=[self._logits],
            inputs=[
                pb_utils.Tensor(theirs, np.ascontiguousarray(rows[ours]))
                for ours, theirs in self._inputs.items()
            ],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
        ).exec()
        if response.has_error():
            raise NoAnswer(self._explained(response.error()))
        logits: Floats = response.output_tensors()[0].as_numpy()
        return logits

    def _explained(self, error: pb_utils.TritonError) -> pb_utils.TritonError:
        """The error, in clearer words where this version of the network is not there."""
        if not error.message().endswith("is not ready."):
            return error
        return pb_utils.TritonError(
            f"{self._model} version {self._version} is not ready; if a newer version is served, it was built without "
            f"--explain",
            pb_utils.TritonError.UNAVAILABLE,
        )
