"""A Triton as the network shows it: which model takes texts, of which steps it is made, and what each has counted.

It knows tritonclient and turns its exceptions into sentences; it refuses to know how the server is run.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import tritonclient.grpc
import tritonclient.http
from geventhttpclient.response import HTTPParseError
from tritonclient.utils import InferenceServerException

from tritext_perf.errors import NotATextModel, Refused, ServerUnreachable, UnknownModel
from tritext_perf.measurement import Stage

Protocol = Literal["grpc", "http"]

DEFAULT_URLS: Mapping[Protocol, str] = {"grpc": "localhost:8001", "http": "localhost:8000"}
"""Where `tritext serve` listens unless told otherwise."""

ANSWER_WITHIN_S = 30.0

_COMPUTE = ("compute_input", "compute_infer", "compute_output")
_NS_PER_MS = 1e6


@dataclass(frozen=True, kw_only=True)
class Step:
    """One model of the chain as the server has loaded it; a model that is no ensemble is its own only step."""

    name: str
    """`model` for the step `tickets_model` of the ensemble `tickets`."""
    model: str
    version: str
    backend: str
    instances: int
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


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a model has counted since it was loaded; times in nanoseconds, summed over requests."""

    requests: int
    failed: int
    rows: int
    executions: int
    queue: int
    compute: int


class Server:
    """Asks a running server; every call may raise `ServerUnreachable` or `Refused`."""

    def __init__(self, *, url: str, protocol: Protocol) -> None:
        self.url = url
        self.protocol: Protocol = protocol

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

    def counters(self, model: ServedModel) -> dict[str, Counters]:
        """What the model and each of its steps have counted, by model name."""
        names = {model.name: model.version, **{step.model: step.version for step in model.steps}}
        return {name: self._count(name, version) for name, version in names.items()}

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

    def _count(self, name: str, version: str) -> Counters:
        answer = self._ask(
            lambda client, options: client.get_inference_statistics(name, version, **options)
        )
        return _counters(answer["model_stats"][0])

    def _ready(self) -> list[str]:
        try:
            index = self._ask(lambda client, options: client.get_model_repository_index(**options))
        except Refused:  # the operation can be restricted
            return []
        models = index.get("models", []) if isinstance(index, dict) else index
        return sorted({model["name"] for model in models if model.get("state") == "READY"})

    def _ask(self, question: Callable[[Any, dict[str, Any]], Any]) -> Any:
        """One question over one connection; the boundary to tritonclient's exceptions."""
        module = tritonclient.grpc if self.protocol == "grpc" else tritonclient.http
        options = {"as_json": True, "client_timeout": ANSWER_WITHIN_S} if self.protocol == "grpc" else {}
        limits = {} if self.protocol == "grpc" else {"network_timeout": ANSWER_WITHIN_S}
        try:
            with closing(module.InferenceServerClient(self.url, **limits)) as client:
                return question(client, options)
        except (OSError, ValueError, HTTPParseError) as error:
            raise self._unreachable(getattr(error, "strerror", None) or str(error)) from error
        except InferenceServerException as error:
            if error.status() in {"StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED"}:
                raise self._unreachable(error.message().partition(";")[0]) from error
            raise Refused(message=error.message() or str(error)) from error

    def _unreachable(self, reason: str) -> ServerUnreachable:
        return ServerUnreachable(url=self.url, protocol=self.protocol, reason=reason)


def stages(
    model: ServedModel, before: Mapping[str, Counters], after: Mapping[str, Counters]
) -> tuple[Stage, ...]:
    """What each step did between two readings of its counters; steps that did nothing are left out."""
    found = [_stage(step, before[step.model], after[step.model]) for step in model.steps]
    return tuple(stage for stage in found if stage)


def _stage(step: Step, before: Counters, after: Counters) -> Stage | None:
    requests, executions = after.requests - before.requests, after.executions - before.executions
    if requests <= 0 or executions <= 0:
        return None
    return Stage(
        name=step.name,
        queue=(after.queue - before.queue) / requests / _NS_PER_MS,
        compute=(after.compute - before.compute) / requests / _NS_PER_MS,
        average_batch=(after.rows - before.rows) / executions,
    )


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
        parameters=_parameters(config),
    )


def _parameters(config: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value.get("string_value", "")) for key, value in config.get("parameters", {}).items()}


def _counters(answer: Mapping[str, Any]) -> Counters:
    # gRPC's JSON leaves zeros out and writes 64-bit numbers as strings.
    statistics = answer.get("inference_stats", {})

    def total(name: str, unit: str) -> int:
        return int(statistics.get(name, {}).get(unit, 0))

    return Counters(
        requests=total("success", "count"),
        failed=total("fail", "count"),
        rows=int(answer.get("inference_count", 0)),
        executions=int(answer.get("execution_count", 0)),
        queue=total("queue", "ns"),
        compute=sum(total(part, "ns") for part in _COMPUTE),
    )
