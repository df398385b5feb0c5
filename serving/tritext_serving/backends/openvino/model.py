"""Triton's `openvino` backend in Python: an IR file, run by the installed OpenVINO as the config says to the native one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tritext_serving.backends.base import BatchingModel, Instance
from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.runner import Array, Runner

if TYPE_CHECKING:
    import openvino


class TritonPythonModel(BatchingModel):
    default_filename = "model.xml"
    library = "openvino"

    def load(self, instance: Instance) -> Runner:
        # A missing library must become a sentence, not a failed import.
        import openvino  # noqa: PLC0415

        from tritext_serving.backends.openvino import graph, options  # noqa: PLC0415

        settings = instance.settings
        core = openvino.Core()
        for extension in options.extensions(settings):
            core.add_extension(extension)
        model = core.read_model(instance.model_file)
        graph.fit(model, settings)
        compiled = core.compile_model(model, "CPU", options.compile_options(settings))
        return Request(compiled.create_infer_request(), settings)


class Request(Runner):
    def __init__(self, request: "openvino.InferRequest", settings: ModelSettings) -> None:
        self._request = request
        self._most = settings.max_batch_size
        self._pads = settings.flag("ENABLE_BATCH_PADDING", default=False)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        rows = len(next(iter(inputs.values())))
        # The native backend computes batches of one size; rows that only fill one up are nothing that anybody sees.
        if self._most > 0 and rows != self._most and not self._pads:
            raise ValueError(
                f"a batch must have {self._most} rows, not {rows}, unless the parameter ENABLE_BATCH_PADDING is YES"
            )
        answer = self._request.infer(dict(inputs))
        return [answer[name] for name in outputs]
