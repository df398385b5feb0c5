"""What every stand-in shares: a batch of Triton requests becomes one run of one model, and its outputs become responses.

Knows Triton's request and response objects; knows nothing of the library that runs the model.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import triton_python_backend_utils as pb_utils  # its classes come only after this module was imported: annotate in quotes

from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.runner import Array, Runner


class Instance(NamedTuple):
    """Where one instance of a model runs: `device` is the GPU's number, or None for the CPU."""

    model_file: Path
    settings: ModelSettings
    device: int | None


class BatchingModel(ABC):
    """The life of a Triton model as its Python stub sees it: initialize, execute, finalize."""

    default_filename: str
    library: str

    @abstractmethod
    def load(self, instance: Instance) -> Runner:
        """Load the model file; raises with one sentence where it cannot."""

    def initialize(self, args: Mapping[str, str]) -> None:
        instance = _instance(args, self.default_filename)
        self.settings = instance.settings
        if not instance.model_file.is_file():
            raise pb_utils.TritonModelException(f"the model file {instance.model_file} does not exist")
        try:
            self.runner = self.load(instance)
        except ModuleNotFoundError as error:
            if error.name != self.library:
                raise
            raise pb_utils.TritonModelException(
                f"the Python library {self.library!r} is not installed in the environment that serves: "
                f"run `pip install {self.library}` there"
            ) from None

    def execute(self, requests: "Sequence[pb_utils.InferenceRequest]") -> "list[pb_utils.InferenceResponse]":
        """Answer all requests of a batch from one run; without batching each request is a run of its own."""
        if self.settings.max_batch_size > 0:
            return self._answer(requests)
        return [response for request in requests for response in self._answer([request])]

    def finalize(self) -> None:
        del self.runner

    def _answer(self, requests: "Sequence[pb_utils.InferenceRequest]") -> "list[pb_utils.InferenceResponse]":
        wanted = [request.requested_output_names() for request in requests]
        names = list(dict.fromkeys(name for some in wanted for name in some))
        try:
            rows, inputs = _joined(requests)
            outputs = self._checked(names, self.runner.run(inputs, names))
            parts = {name: _split(output, rows) for name, output in outputs.items()}
        except Exception as error:  # noqa: BLE001 - whatever the library raises, every request must be answered
            message = f"{self.settings.name}: {error}"
            return [_failed(message) for _ in requests]
        return [_response(some, parts, index) for index, some in enumerate(wanted)]

    def _checked(self, names: Sequence[str], outputs: Sequence[Array]) -> dict[str, Array]:
        """The outputs by name, refused where the model's type is not the one that the config promises."""
        for name, output in zip(names, outputs, strict=True):
            promised = self.settings.outputs[name].dtype
            if output.dtype != promised:
                raise TypeError(
                    f"output {name!r} is {output.dtype}, but the config says {np.dtype(promised)}"
                )
        return dict(zip(names, outputs, strict=True))


def _instance(args: Mapping[str, str], default_filename: str) -> Instance:
    settings = ModelSettings.from_config(json.loads(args["model_config"]))
    folder = Path(args["model_repository"]) / args["model_version"]
    device = int(args["model_instance_device_id"]) if args["model_instance_kind"] == "GPU" else None
    return Instance(folder / (settings.filename or default_filename), settings, device)


def _joined(requests: "Sequence[pb_utils.InferenceRequest]") -> tuple[list[int], dict[str, Array]]:
    """The rows of each request, and every input with all requests' rows one below the other."""
    tensors = [{tensor.name(): tensor.as_numpy() for tensor in request.inputs()} for request in requests]
    if len(tensors) == 1:
        return [0], tensors[0]
    rows = [next(iter(inputs.values())).shape[0] for inputs in tensors]
    return rows, {name: np.concatenate([inputs[name] for inputs in tensors]) for name in tensors[0]}


def _split(output: Array, rows: Sequence[int]) -> list[Array]:
    if len(rows) == 1:
        return [output]
    if len(output) != sum(rows):
        raise ValueError(f"{sum(rows)} rows went in, {len(output)} came out")
    return np.split(output, np.cumsum(rows)[:-1])


def _response(
    names: Sequence[str], parts: Mapping[str, list[Array]], index: int
) -> "pb_utils.InferenceResponse":
    return pb_utils.InferenceResponse([_tensor(name, parts[name][index]) for name in names])


def _tensor(name: str, array: Array) -> "pb_utils.Tensor":
    return pb_utils.Tensor(name, array)


def _failed(message: str) -> "pb_utils.InferenceResponse":
    return pb_utils.InferenceResponse([], pb_utils.TritonError(message))
