"""Triton's `onnxruntime` backend in Python: an ONNX file, run by the installed onnxruntime as the config says to the native one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tritext_serving.backends.base import Array, BatchingModel, Instance, Runner

if TYPE_CHECKING:
    import onnxruntime


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
        return Session(session, options.run_options(settings))


class Session(Runner):
    def __init__(self, session: "onnxruntime.InferenceSession", options: "onnxruntime.RunOptions") -> None:
        self._session = session
        self._options = options

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        arrays: Sequence[Array] = self._session.run(outputs, dict(inputs), self._options)
        return arrays
