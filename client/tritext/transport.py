"""One exchange with a server, whatever the protocol: what is sent, and what comes back as arrays and JSON.

Knows tritonclient's calls, which its two protocols and their async twins name alike; knows no task.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tritonclient.utils import InferenceServerException

from tritext import tracing
from tritext.address import Address
from tritext.failures import (
    ClientClosed,
    ClientError,
    DeadlineExceeded,
    NotAllowed,
    ServerFailed,
    ServerUnavailable,
    failure,
)

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Inference:
    """An inference request; its inputs are BYTES.

    `classes` asks, by Triton's classification extension, for the best so many labels in place of the
    outputs' numbers. `priority` is Triton's: 1 goes first, 0 is whatever the model has as its default.
    """

    model: str
    version: str
    inputs: Mapping[str, npt.NDArray[np.object_]]
    outputs: tuple[str, ...]
    parameters: Mapping[str, str | int | bool] = field(default_factory=dict)
    classes: int = 0
    priority: int = 0


class Transport(ABC):
    """A server behind one of tritonclient's four clients, which is made at the first call.

    Every method takes the seconds that it may last, and raises the `ClientError` of what went wrong.
    """

    options: ClassVar[dict[str, Any]] = {}
    """Arguments that turn the protocol's metadata into JSON."""

    broken: ClassVar[tuple[type[Exception], ...]] = ()
    """What the protocol's library raises when there is no server or the connection breaks."""

    def __init__(self, address: Address, *, library: ModuleType, headers: Mapping[str, str]) -> None:
        self.address = address
        self.library = library
        self.headers = dict(headers)
        self._closed = False

    async def call(self, method: str, seconds: float, **arguments: Any) -> Any:
        """Call a method of tritonclient's, with the headers of every call."""
        if self._closed:
            raise ClientClosed
        try:
            return await self.perform(
                method, seconds, {**arguments, "headers": {**self.headers, **tracing.headers()}}
            )
        except InferenceServerException as error:
            raise self._translated(error, arguments, seconds) from error
        except self.broken as error:
            raise ServerUnavailable(f"{self.address}: {error or type(error).__name__}") from error
        except ValueError as error:
            # gRPC's complaint about a channel that was closed while the call went on; JSON's about a foreign answer.
            raise (
                ClientClosed if self._closed else ServerFailed(f"this is no answer of Triton's: {error}")
            ) from error

    async def close(self) -> None:
        """Close what this thread or loop opened; other threads' connections close as the threads end."""
        self._closed = True
        await self.drop()

    @abstractmethod
    async def perform(self, method: str, seconds: float, arguments: Mapping[str, Any]) -> Any:
        """The call itself, raising `DeadlineExceeded` where tritonclient does not."""

    @abstractmethod
    async def drop(self) -> None:
        """Close the connection, if there is one."""

    def _translated(
        self, error: InferenceServerException, arguments: Mapping[str, Any], seconds: float
    ) -> ClientError:
        code = str(error.status() or "").removeprefix("StatusCode.")
        if code == "DEADLINE_EXCEEDED":
            return DeadlineExceeded(seconds=seconds)
        return failure(
            code,
            str(error.message() or "no reason given"),
            model=arguments.get("model_name", ""),
            version=arguments.get("model_version", ""),
            address=str(self.address),
        )

    async def infer(self, request: Inference, seconds: float) -> Arrays:
        """The requested outputs by name."""
        arguments = _arguments(self.library, request)
        result = await self.call("infer", seconds, timeout=_microseconds(seconds), **arguments)
        return {name: _present(result.as_numpy(name), name) for name in request.outputs}

    async def config(self, seconds: float, *, name: str, version: str) -> Mapping[str, Any]:
        """Triton's `ModelConfig` as JSON."""
        answer = await self.call(
            "get_model_config", seconds, model_name=name, model_version=version, **self.options
        )
        config: Mapping[str, Any] = answer.get("config", answer)
        return config

    async def index(self, seconds: float) -> Sequence[Mapping[str, str]]:
        """Every version of every model: "name", and where known "version", "state", "reason".

        To callers without the server's key, as far as its open part tells: those that are ready.
        """
        try:
            answer = await self.call("get_model_repository_index", seconds, **self.options)
        except NotAllowed:
            answer = await self.call("get_inference_statistics", seconds, **self.options)
            return [{**_named(entry), "state": "READY"} for entry in answer.get("model_stats", ())]
        entries: Sequence[Mapping[str, str]] = (
            answer.get("models", ()) if isinstance(answer, dict) else answer
        )
        return entries

    async def is_ready(self, seconds: float, *, name: str | None) -> bool:
        """Whether the server, or one model of it, answers requests."""
        if name is None:
            return bool(await self.call("is_server_ready", seconds))
        return bool(await self.call("is_model_ready", seconds, model_name=name))


def _arguments(library: ModuleType, request: Inference) -> dict[str, Any]:
    return {
        "model_name": request.model,
        "model_version": request.version,
        "inputs": [_tensor(library, name, array) for name, array in request.inputs.items()],
        "outputs": [
            library.InferRequestedOutput(name, class_count=request.classes) for name in request.outputs
        ],
        "parameters": dict(request.parameters),
        "priority": request.priority,
    }


def _named(entry: Mapping[str, Any]) -> dict[str, str]:
    return {"name": entry["name"], "version": entry["version"]}


def _tensor(library: ModuleType, name: str, strings: npt.NDArray[np.object_]) -> Any:
    return library.InferInput(name, list(strings.shape), "BYTES").set_data_from_numpy(strings)


def _microseconds(seconds: float) -> int:
    """Triton's own request timeout: a request that waits longer in a step's queue is refused."""
    return max(1, int(seconds * 1e6))


def _present(array: npt.NDArray[Any] | None, name: str) -> npt.NDArray[Any]:
    if array is None:
        raise ServerFailed(f"its answer lacks the output {name}")
    return array
