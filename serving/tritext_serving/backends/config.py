"""What a stand-in reads of Triton's model configuration (its JSON form): types, the file's name, parameters. Knows no library.

Source: `model_config.proto` of triton-inference-server/common.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES: Mapping[str, type[np.generic]] = {
    "TYPE_BOOL": np.bool_,
    "TYPE_UINT8": np.uint8,
    "TYPE_UINT16": np.uint16,
    "TYPE_UINT32": np.uint32,
    "TYPE_UINT64": np.uint64,
    "TYPE_INT8": np.int8,
    "TYPE_INT16": np.int16,
    "TYPE_INT32": np.int32,
    "TYPE_INT64": np.int64,
    "TYPE_FP16": np.float16,
    "TYPE_FP32": np.float32,
    "TYPE_FP64": np.float64,
    "TYPE_STRING": np.object_,
}


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output as the config declares it; `dims` include the batch dimension (-1) where the model batches."""

    name: str
    dtype: type[np.generic]
    dims: tuple[int, ...]
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The config of one model, as far as running it goes."""

    name: str
    filename: str
    max_batch_size: int
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    parameters: Mapping[str, str]
    graph_level: int
    instances: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "ModelSettings":
        batches = int(config.get("max_batch_size", 0))
        return cls(
            name=config["name"],
            filename=config.get("default_model_filename", ""),
            max_batch_size=batches,
            inputs=_tensors(config.get("input", []), batched=batches > 0),
            outputs=_tensors(config.get("output", []), batched=batches > 0),
            parameters={key: value["string_value"] for key, value in config.get("parameters", {}).items()},
            instances=sum(int(group.get("count", 1)) for group in config.get("instance_group", [])) or 1,
            graph_level=int(config.get("optimization", {}).get("graph", {}).get("level", 0)),
        )

    def integer(self, key: str, default: int) -> int:
        """A parameter as a whole number; raises ValueError with a sentence where it is something else."""
        text = self.parameters.get(key, str(default))
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"parameter {key!r} must be a whole number, not {text!r}") from None

    def flag(self, key: str, *, default: bool) -> bool:
        """A parameter as a truth value, spelled as the native backends have it: true/false, yes/no or 1/0."""
        text = self.parameters.get(key, str(default)).lower()
        if text not in {"true", "false", "yes", "no", "1", "0"}:
            raise ValueError(f"parameter {key!r} must be true or false, not {text!r}")
        return text in {"true", "yes", "1"}


def _tensors(declared: list[Mapping[str, Any]], *, batched: bool) -> dict[str, TensorSpec]:
    return {tensor["name"]: _tensor(tensor, batched=batched) for tensor in declared}


def _tensor(tensor: Mapping[str, Any], *, batched: bool) -> TensorSpec:
    dims = tensor.get("reshape", {}).get("shape", tensor["dims"])
    return TensorSpec(
        name=tensor["name"],
        dtype=DTYPES[tensor["data_type"]],
        dims=((-1,) if batched else ()) + tuple(int(dim) for dim in dims),
        optional=bool(tensor.get("optional", False)),
    )
