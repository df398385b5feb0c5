"""Requests as the Python steps see them, without a Triton around them."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoTokenizer

from tritext_build.runtime.encoding import Encoder


class Input:
    def __init__(self, name: str, array: npt.NDArray[Any]) -> None:
        self._name, self._array = name, array

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> npt.NDArray[Any]:
        return self._array


class Request:
    """Strings become BYTES tensors of their own shape; `wanted` are the outputs that are asked for."""

    def __init__(self, inputs: dict[str, Any], *, wanted: tuple[str, ...] = (), **parameters: Any) -> None:
        self._inputs = [Input(name, _tensor(value)) for name, value in inputs.items()]
        self._wanted, self._parameters = wanted, parameters

    def inputs(self) -> list[Input]:
        return self._inputs

    def parameters(self) -> str:
        return json.dumps(self._parameters)

    def requested_output_names(self) -> tuple[str, ...]:
        return self._wanted


def request(inputs: dict[str, Any], *, wanted: tuple[str, ...] = (), **parameters: Any) -> Any:
    """A `Request` in the place of Triton's own class, which exists only inside Triton."""
    return Request(inputs, wanted=wanted, **parameters)


def _tensor(value: Any) -> npt.NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    texts = [text if isinstance(text, bytes) else text.encode() for text in value]
    return np.array(texts, np.object_)


def encoder_of(checkpoint: Path, *, max_length: int | None = None) -> Encoder:
    """The first step's encoder for a checkpoint, with all inputs that its tokenizer makes."""
    from tokenizers import Tokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    return Encoder(
        Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
        max_length=max_length or tokenizer.model_max_length,
        input_names=tokenizer.model_input_names,
        pad_token_id=tokenizer.pad_token_id,
        truncation_side=tokenizer.truncation_side,
    )


def model_inputs(tensors: dict[str, npt.NDArray[Any]]) -> dict[str, torch.Tensor]:
    """The rows cut to the longest of them, as the graph cuts them."""
    longest = int(tensors["attention_mask"].sum(axis=1).max())
    names = ("input_ids", "attention_mask", "token_type_ids")
    return {name: torch.from_numpy(tensors[name][:, :longest]) for name in names if name in tensors}


def logits_of(model: torch.nn.Module, tensors: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        return cast("npt.NDArray[np.float32]", model(**model_inputs(tensors)).logits.numpy())
