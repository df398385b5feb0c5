"""What a network computes while it is loaded, so that its first user pays for nothing: samples for Triton's `model_warmup`.

Knows configs and bytes; runs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInput, ModelWarmup

from tritext_serving.plan import MODEL_STEP, ROWS_AT_ONCE

FOLDER = "warmup"
"""Where Triton looks for a sample's files, in a model's folder."""

MASK = "attention_mask"
"""The input that says which tokens of a row are real; a network without it is none that we know how to ask."""

SHAPES = ((1, 16), (ROWS_AT_ONCE, 16), (1, 64))
"""Rows, and real tokens of each: a lone user's text, a busy server's batch, a longer text."""


@dataclass(frozen=True, kw_only=True)
class Warmed:
    """A config with samples, and the files that they are read from, by name."""

    config: ModelConfig
    files: Mapping[str, bytes]


def warmed(name: str, config: ModelConfig) -> Warmed:
    """The config with samples of a few shapes; as it is where its author gave some, or where it runs no such network."""
    shapes = dict.fromkeys((min(rows, max(1, config.max_batch_size)), tokens) for rows, tokens in SHAPES)
    if config.model_warmup or not name.endswith(MODEL_STEP) or not _is_known(config):
        return Warmed(config=config, files={})
    new = ModelConfig()
    new.CopyFrom(config)
    files: dict[str, bytes] = {}
    for rows, tokens in shapes:
        sample = ModelWarmup(name=f"{rows} rows of {tokens} tokens", batch_size=rows, count=1)
        for taken in config.input:
            row = _row(taken, tokens)
            file = f"{taken.name}-{np.count_nonzero(row)}"
            files[file] = row.tobytes()
            sample.inputs[taken.name].data_type = taken.data_type
            sample.inputs[taken.name].dims.extend(taken.dims)
            sample.inputs[taken.name].input_data_file = file
        new.model_warmup.append(sample)
    return Warmed(config=new, files=files)


def _is_known(config: ModelConfig) -> bool:
    """Whether it takes rows of tokens, all of a fixed width, and batches them."""
    fixed = all(taken.dims and min(taken.dims) > 0 for taken in config.input)
    integers = all(taken.data_type in DTYPES for taken in config.input)
    masked = any(_is_mask(taken) and len(taken.dims) == 1 for taken in config.input)
    return config.max_batch_size > 0 and fixed and integers and masked


DTYPES = {
    ModelInput(data_type="TYPE_INT64").data_type: np.int64,
    ModelInput(data_type="TYPE_INT32").data_type: np.int32,
}


def _row(taken: ModelInput, tokens: int) -> npt.NDArray[np.int64 | np.int32]:
    """The token 0 over and over, which every vocabulary has; in the mask, which tokens are there."""
    row = np.zeros(tuple(taken.dims), DTYPES[taken.data_type])
    if _is_mask(taken):
        row[:tokens] = 1
    return row


def _is_mask(taken: ModelInput) -> bool:
    """By its name, behind which TorchScript has its position: `attention_mask__1`."""
    return str(taken.name.partition("__")[0]) == MASK
