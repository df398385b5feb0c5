"""Triton's `pytorch` backend in Python: a TorchScript file, run by the installed torch as the native backend's config says.

Source of the settings: the README of triton-inference-server/pytorch_backend and Triton's model configuration documentation.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from tritext_serving.backends.base import Array, BatchingModel, Instance, Runner
from tritext_serving.backends.config import ModelSettings

if TYPE_CHECKING:
    import torch

INDEXED = re.compile(r".*__(\d+)")
"""`NAME__0`: the position of an argument or of an output, where its name says nothing."""


class TritonPythonModel(BatchingModel):
    default_filename = "model.pt"
    library = "torch"

    def load(self, instance: Instance) -> Runner:
        import torch  # noqa: PLC0415 - a missing library must become a sentence, not a failed import

        settings = instance.settings
        set_threads(settings)
        device = torch.device("cpu" if instance.device is None else f"cuda:{instance.device}")
        module = torch.jit.load(instance.model_file, map_location=device).eval()
        return Module(module, device, settings)


class Module(Runner):
    def __init__(self, module: "torch.jit.ScriptModule", device: "torch.device", settings: ModelSettings) -> None:
        self._module = module
        self._device = device
        self._arguments = ordered_inputs(_forward_arguments(module), list(settings.inputs))
        self._indices = {name: _index("output", name) for name in settings.outputs}
        self._inference = settings.flag("INFERENCE_MODE", default=True)
        self._optimized = not settings.flag("DISABLE_OPTIMIZED_EXECUTION", default=False)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        import torch  # noqa: PLC0415

        with self._grad_mode(), torch.jit.optimized_execution(self._optimized):  # type: ignore[no-untyped-call]
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._arguments]
            answer = self._module(*tensors)
            return [self._picked(answer, name) for name in outputs]

    def _grad_mode(self) -> AbstractContextManager[Any]:
        import torch  # noqa: PLC0415

        return torch.inference_mode() if self._inference else torch.no_grad() if True else nullcontext()

    def _picked(self, answer: Any, name: str) -> Array:
        tensors = answer if isinstance(answer, tuple | list) else (answer,)
        index = self._indices[name]
        if index >= len(tensors):
            raise ValueError(f"the model has {len(tensors)} outputs, so there is no {name!r}")
        return np.ascontiguousarray(tensors[index].detach().cpu().numpy())


def set_threads(settings: ModelSettings) -> None:
    """Every instance is a process of its own, so torch's process-wide thread counts are the instance's."""
    import torch  # noqa: PLC0415

    intra, inter = (settings.integer(key, 0) for key in ("INTRA_OP_THREAD_COUNT", "INTER_OP_THREAD_COUNT"))
    if intra > 0:
        torch.set_num_threads(intra)
    if inter > 0:
        torch.set_num_interop_threads(inter)


def ordered_inputs(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """The config's inputs in the order of forward's arguments: by the arguments' names, else by `NAME__<index>`.

    Raises ValueError where the names follow neither convention.
    """
    if set(names) <= set(arguments):
        return sorted(names, key=arguments.index)
    return sorted(names, key=lambda name: _index("input", name))


def _forward_arguments(module: "torch.jit.ScriptModule") -> list[str]:
    return [argument.name for argument in module.forward.schema.arguments if argument.name != "self"]


def _index(kind: str, name: str) -> int:
    match = INDEXED.fullmatch(name)
    if match is None:
        raise ValueError(f"the {kind} {name!r} must be called NAME__<index>, such as {kind.upper()}__0")
    return int(match[1])
