"""A Triton as the network shows it: which model takes texts, of which steps it is made, how many requests have failed.

It knows tritonclient and turns its exceptions into sentences; it refuses to know how the server is run.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import tritonclient.grpc
import tritonclient.http
from geventhttpclient.response import HTTPParseError
from tritonclient.utils import InferenceServerException

from tritext.address import Address
from tritext_perf.errors import Encrypted, NotATextModel, Refused, ServerUnreachable, UnknownModel

_Library = tuple[Any, dict[str, Any], dict[str, Any]]
"""A client's module, what its constructor takes, and what each of its questions takes."""

ANSWER_WITHIN_S = 30.0

_GRPC: _Library = (tritonclient.grpc, {}, {"as_json": True, "client_timeout": ANSWER_WITHIN_S})
_HTTP: _Library = (tritonclient.http, {"network_timeout": ANSWER_WITHIN_S}, {})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One model of the chain as the server has loaded it; a model that is no ensemble is its own only step."""

    name: str
    """`model` for the step `tickets_model` of the ensemble `tickets`."""
    model: str
    version: str
    backend: str
    instances: int
    most_rows: int
    """That Triton puts into one batch."""
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model that takes one string per row."""

    name: str
    version: str
    input_name: str
    max_batch_size: int
    parameters: Mapping[str, str]
    steps: tuple[Step, ...]


class Server:
    """Asks a running server; every call may raise `ServerUnreachable` or `Refused`."""

    def __init__(self, address: Address) -> None:
        if address.encrypted:
            raise Encrypted(url=str(address))
        self.address = address

    def version(self) -> str:
        return str(self._ask(lambda client, options: client.get_server_metadata(**options))["version"])

    def model(self, name: str, version: int | None = None) -> ServedModel:
        """The model `name`, by default in its highest version.

        Raises:
            UnknownModel: It is not there or not ready.
            NotATextModel: It does not take one string.
        """
        wanted = "" if version is None else str(version)
        try:
            metadata = self._ask(lambda client, options: client.get_model_metadata(name, wanted, **options))
        except Refused as error:
            raise UnknownModel(name=name, version=version, ready=self._ready()) from error
        config = self._config(name, wanted)
        served = wanted or max(metadata["versions"], key=int)
        return ServedModel(
            name=name,
            version=served,
            input_name=_text_input(name, metadata, config),
            max_batch_size=int(config.get("max_batch_size", 0)),
            parameters=_parameters(config),
            steps=self._steps(name, served, config),
        )

    def failed(self, model: ServedModel) -> int:
        """How many requests for the model have failed since it was loaded."""
        answer = self._ask(
            lambda client, options: client.get_inference_statistics(model.name, model.version, **options)
        )
        # gRPC's JSON leaves zeros out and writes 64-bit numbers as strings.
        return int(answer["model_stats"][0].get("inference_stats", {}).get("fail", {}).get("count", 0))

    def _steps(self, name: str, version: str, config: Mapping[str, Any]) -> tuple[Step, ...]:
        parts = config.get("ensemble_scheduling", {}).get("step", [])
        if not parts:
            return (_step(name, name, version, config),)
        return tuple(self._ensemble_step(name, part) for part in parts)

    def _ensemble_step(self, ensemble: str, part: Mapping[str, Any]) -> Step:
        model, pinned = str(part["model_name"]), int(part["model_version"])
        version = str(pinned) if pinned > 0 else ""
        if not version:
            metadata = self._ask(lambda client, options: client.get_model_metadata(model, "", **options))
            version = max(metadata["versions"], key=int)
        return _step(model.removeprefix(f"{ensemble}_"), model, version, self._config(model, version))

    def _config(self, name: str, version: str) -> dict[str, Any]:
        config: dict[str, Any] = self._ask(
            lambda client, options: client.get_model_config(name, version, **options)
        )
        nested: dict[str, Any] = config.get("config", config)  # gRPC wraps it
        return nested

    def _ready(self) -> list[str]:
        try:
            # Unlike the repository's index, these are open to those without the server's key.
            answer = self._ask(lambda client, options: client.get_inference_statistics(**options))
        except Refused:
            return []
        return sorted({model["name"] for model in answer.get("model_stats", [])})

    def _ask(self, question: Callable[[Any, dict[str, Any]], Any]) -> Any:
        """One question over one connection; the boundary to tritonclient's exceptions."""
        module, limits, options = _GRPC if self.address.is_grpc else _HTTP
        try:
            with closing(module.InferenceServerClient(self.address.target, **limits)) as client:
                return question(client, options)
        except (OSError, ValueError) as error:
            raise self._unreachable(getattr(error, "strerror", None) or str(error)) from error
        except HTTPParseError as error:
            raise self._unreachable("what answers there does not speak HTTP") from error
        except InferenceServerException as error:
            if error.status() in {"StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED"}:
                raise self._unreachable(error.message().partition(";")[0]) from error
            raise Refused(message=error.message() or str(error)) from error

    def _unreachable(self, reason: str) -> ServerUnreachable:
        return ServerUnreachable(url=str(self.address), reason=reason.rstrip("."))


def _text_input(name: str, metadata: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    optional = {entry["name"] for entry in config.get("input", []) if entry.get("optional")}
    needed = [entry for entry in metadata.get("inputs", []) if entry["name"] not in optional]
    batched = int(config.get("max_batch_size", 0)) > 0
    shapes = [[int(size) for size in entry["shape"]][1 if batched else 0 :] for entry in needed]
    if len(needed) != 1 or needed[0]["datatype"] != "BYTES" or shapes[0] not in ([1], [-1]):
        inputs = [
            f"{entry['name']} ({entry['datatype']} {shape})"
            for entry, shape in zip(needed, shapes, strict=True)
        ]
        raise NotATextModel(name=name, inputs=inputs)
    return str(needed[0]["name"])


def _step(name: str, model: str, version: str, config: Mapping[str, Any]) -> Step:
    groups = config.get("instance_group", [])
    return Step(
        name=name,
        model=model,
        version=version,
        backend=config.get("backend") or config.get("platform", ""),
        instances=sum(int(group.get("count", 1)) for group in groups),
        most_rows=_most_rows(config),
        parameters=_parameters(config),
    )


def _most_rows(config: Mapping[str, Any]) -> int:
    """Batches grow to the largest preferred size, where one is given."""
    preferred = config.get("dynamic_batching", {}).get("preferred_batch_size", [])
    return max([int(size) for size in preferred], default=0) or int(config.get("max_batch_size", 0)) or 1


def _parameters(config: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value.get("string_value", "")) for key, value in config.get("parameters", {}).items()}
