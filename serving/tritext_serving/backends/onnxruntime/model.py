"""Triton's `onnxruntime` backend in Python: an ONNX file, run by the installed onnxruntime as the config says to the native one."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tritext_serving.backends.base import BatchingModel, Instance
from tritext_serving.backends.runner import Array, Runner
from tritext_serving.backends.runs import in_runs

if TYPE_CHECKING:
    import onnxruntime


TOKENS = 512
"""Of a run, with padding: with more, what layers hand on no longer fits the processor's caches."""

LONG_S = 0.2
"""A run that takes longer leaves more memory behind than most runs after it need."""

EVERY_S = 10.0
"""How seldom memory is given back. Taking it anew for 16 rows of 512 tokens costs a quarter of a second."""


class TritonPythonModel(BatchingModel):
    default_filename = "model.onnx"
    library = "onnxruntime"

    def load(self, instance: Instance) -> Runner:
        # A missing library must become a sentence, not a failed import.
        import onnxruntime  # noqa: PLC0415

        from tritext_serving.backends.onnxruntime import options  # noqa: PLC0415

        settings = instance.settings
        session = onnxruntime.InferenceSession(
            instance.model_file,
            options.session_options(settings),
            providers=options.providers(instance.device),
        )
        options.check("input", settings.inputs, session.get_inputs())
        options.check("output", settings.outputs, session.get_outputs())
        shrinking = options.shrinking(settings, instance.device)
        runner = Session(session, options.run_options(settings), shrinking)
        return in_runs(runner, settings, instance.device, TOKENS)


class Session(Runner):
    """Runs a graph, and now and then has what long runs took given back.

    ONNX Runtime's arena keeps for ever what its largest batch took. To shrink it after every run costs up to a tenth of
    the throughput of short texts, and a fifth of that of long ones; a run that shrinks it every ten seconds, if there was a
    long one since the last, costs next to nothing. The first run shrinks: loading leaves memory behind too.
    """

    def __init__(
        self,
        session: "onnxruntime.InferenceSession",
        usual: "onnxruntime.RunOptions",
        shrinking: "onnxruntime.RunOptions",
    ) -> None:
        self._session, self._usual, self._shrinking = session, usual, shrinking
        self._was_long = True
        self._shrunk = -EVERY_S

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        began = time.monotonic()
        shrinks = self._was_long and began >= self._shrunk + EVERY_S
        options = self._shrinking if shrinks else self._usual
        arrays: Sequence[Array] = self._session.run(outputs, dict(inputs), options)
        ended = time.monotonic()
        if shrinks:
            self._was_long, self._shrunk = False, ended
        elif ended - began > LONG_S:
            self._was_long = True
        return arrays
