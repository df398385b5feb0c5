"""Triton's `openvino` backend in Python: an IR file, run by the installed OpenVINO as the config says to the native one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tritext_serving.backends.base import BatchingModel, Instance
from tritext_serving.backends.runner import Array, Runner
from tritext_serving.backends.runs import in_runs

if TYPE_CHECKING:
    import openvino


TOKENS = 1536
"""Of a run, with padding: runs of more are no faster, and pad more where the graph pads."""


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
        request = compiled.create_infer_request()
        if settings.max_batch_size > 0 and not settings.flag("ENABLE_BATCH_PADDING", default=False):
            return FullBatches(request, settings.max_batch_size)
        return in_runs(Request(request), settings, instance.device, TOKENS)


class Request(Runner):
    def __init__(self, request: "openvino.InferRequest") -> None:
        self._request = request

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        answer = self._request.infer(dict(inputs))
        return [answer[name] for name in outputs]


class FullBatches(Request):
    """As the native backend is without padding: it computes batches of one size."""

    def __init__(self, request: "openvino.InferRequest", size: int) -> None:
        super().__init__(request)
        self._size = size

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        rows = len(next(iter(inputs.values())))
        if rows != self._size:
            raise ValueError(
                f"a batch must have {self._size} rows, not {rows}, unless the parameter ENABLE_BATCH_PADDING is YES"
            )
        return super().run(inputs, outputs)
