"""What a served model answers and what it says of itself, as records. Knows no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEPS = ("tokenizer", "model", "postprocess", "explain")
"""The steps of the ensemble NAME are the models NAME_tokenizer, NAME_model and NAME_postprocess; NAME_explain explains it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One label of an answer. `score` is a probability, or a logit where `function_to_apply` is "none"."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A token, or with an aggregation strategy a span, that a token classifier found.

    Attributes:
        label: What it is, such as "B-PER" for a token, "PER" for a span.
        word: The token or the words of the span, as the tokenizer writes them.
        start: Where it begins in the text, in characters; `text[start:end]` is what the text says there.
        end: Where it ends.
        index: The token's position among the tokens of the text; None for a span.
    """

    label: str
    score: float
    word: str
    start: int
    end: int
    index: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer, cut from the context: `context[start:end]`. Empty where the context holds none."""

    answer: str
    score: float
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ZeroShot:
    """How well each candidate label fits the text `sequence`, best first; `scores[i]` is that of `labels[i]`."""

    sequence: str
    labels: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """One of the texts that were ranked: `corpus_id` is its position among them, from 0."""

    corpus_id: int
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """What may stand in the place of a mask.

    Attributes:
        score: Its probability.
        token: Its number in the vocabulary.
        token_str: The token as text.
        sequence: The whole text with it.
    """

    score: float
    token: int
    token_str: str
    sequence: str


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

    def input(self, name: str) -> TensorSpec | None:
        return next((tensor for tensor in self.inputs if tensor.name == name), None)

    def output(self, name: str) -> TensorSpec | None:
        return next((tensor for tensor in self.outputs if tensor.name == name), None)


def is_step(name: str, names: Sequence[str]) -> bool:
    """Whether the model `name` is a step of another model among `names`, or explains it."""
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
