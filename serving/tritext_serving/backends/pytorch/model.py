"""Triton's `pytorch` backend in Python: a TorchScript file, run by the installed torch as the native backend's config says.

Source of the settings: the README of triton-inference-server/pytorch_backend and Triton's model configuration documentation.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from tritext_serving.backends.base import BatchingModel, Instance
from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.pytorch.naming import forward_arguments, index, ordered_inputs
from tritext_serving.backends.runner import Array, Runner
from tritext_serving.backends.runs import in_runs

if TYPE_CHECKING:
    import torch


TOKENS = 1536
"""Of a run, with padding: runs of more are no faster, and pad more where the graph pads."""


class TritonPythonModel(BatchingModel):
    default_filename = "model.pt"
    library = "torch"

    def load(self, instance: Instance) -> Runner:
        import torch  # noqa: PLC0415 - a missing library must become a sentence, not a failed import

        settings = instance.settings
        set_threads(settings)
        device = torch.device("cpu" if instance.device is None else f"cuda:{instance.device}")
        jit: Any = torch.jit
        module = Module(jit.load(instance.model_file, map_location=device).eval(), device, settings)
        return in_runs(module, settings, instance.device, TOKENS)


class Module(Runner):
    def __init__(self, module: Any, device: "torch.device", settings: ModelSettings) -> None:
        self._module = module
        self._device = device
        self._arguments = ordered_inputs(forward_arguments(module), list(settings.inputs))
        self._indices = {name: index("output", name) for name in settings.outputs}
        self._inference_mode = settings.flag("INFERENCE_MODE", default=True)
        self._optimized = not settings.flag("DISABLE_OPTIMIZED_EXECUTION", default=False)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        import torch  # noqa: PLC0415

        gradients_off = torch.inference_mode() if self._inference_mode else torch.no_grad()
        with gradients_off, _optimized_execution(self._optimized):
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._arguments]
            answer = self._module(*tensors)
            return [self._picked(answer, name) for name in outputs]

    def _picked(self, answer: Any, name: str) -> Array:
        tensors = answer if isinstance(answer, tuple | list) else (answer,)
        index = self._indices[name]
        if index >= len(tensors):
            raise ValueError(f"the model has {len(tensors)} outputs, so there is no {name!r}")
        return np.ascontiguousarray(tensors[index].detach().cpu().numpy())


def _optimized_execution(optimized: bool) -> AbstractContextManager[None]:  # noqa: FBT001 - as torch names it
    import torch  # noqa: PLC0415

    jit: Any = torch.jit
    manager: AbstractContextManager[None] = jit.optimized_execution(optimized)
    return manager


def set_threads(settings: ModelSettings) -> None:
    """Every instance is a process of its own, so torch's process-wide thread counts are the instance's."""
    import torch  # noqa: PLC0415

    intra, inter = (settings.integer(key, 0) for key in ("INTRA_OP_THREAD_COUNT", "INTER_OP_THREAD_COUNT"))
    if intra > 0:
        torch.set_num_threads(intra)
    if inter > 0:
        torch.set_num_interop_threads(inter)
