"""What a served model answers and what it says of itself, as records. Knows no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEPS = ("tokenizer", "model", "postprocess")
"""The steps of the ensemble NAME are the models NAME_tokenizer, NAME_model and NAME_postprocess."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One label of an answer. `score` is a probability, or a logit where `function_to_apply` is "none"."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """An input or output. `shape` is one row's, -1 for any size; `datatype` is Triton's, such as "FP32"."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model of the server's repository.

    Attributes:
        versions: Those that are ready, ascending.
        task: Hugging Face's name of what it does; None for a model that is not Tritext's, or not loaded.
        ready: Whether requests are answered.
        reason: Why it is not ready, in the server's words.
        max_batch_size: The most rows of one request; 0 if a request is not made of rows.
    """

    name: str
    versions: tuple[int, ...] = ()
    task: str | None = None
    ready: bool = True
    reason: str = ""
    max_batch_size: int = 0
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    def output(self, name: str) -> TensorSpec | None:
        return next((tensor for tensor in self.outputs if tensor.name == name), None)


def is_step(name: str, names: Sequence[str]) -> bool:
    """Whether the model `name` is a step of another model among `names`."""
    return any(name == f"{other}_{step}" for step in STEPS for other in names)


def model_of(config: Mapping[str, Any], versions: Sequence[int]) -> ServedModel:
    """A ready model, from its config.pbtxt as JSON: Triton's `ModelConfig`, where 64-bit numbers may be strings."""
    task = config.get("parameters", {}).get("task", {}).get("string_value")
    return ServedModel(
        name=config["name"],
        versions=tuple(versions),
        task=task,
        max_batch_size=int(config.get("max_batch_size", 0)),
        inputs=_tensors(config.get("input", ())),
        outputs=_tensors(config.get("output", ())),
    )


def _tensors(entries: Sequence[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name=entry["name"],
            datatype=entry["data_type"].removeprefix("TYPE_").replace("STRING", "BYTES"),
            shape=tuple(int(size) for size in entry["dims"]),
        )
        for entry in entries
    )
