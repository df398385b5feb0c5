"""int8 by NNCF: scales fixed beforehand on texts, or taken per token, so that no answer depends on its company.

SmoothQuant (Xiao et al. 2022, https://arxiv.org/abs/2211.10438), which NNCF applies to transformers, moves the outliers of
activations into the weights before the scales are taken.
"""

import logging
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from tritext_build.errors import MissingLibrary

WHOLE, SPARING, WEIGHTS = "int8", "int8, attention in fp32", "int8 weights"
"""The ways to int8, the fastest first. With the last, what activations are multiplied in is OpenVINO's to say."""


def quantized(
    model: Any, example: dict[str, npt.NDArray[np.int64]], recipe: str, *, rows_at_once: int
) -> Any:
    """The OpenVINO model with int8 products, whose scales come from running every row of `example` once.

    Alone, where they would be padded otherwise; several at once, where a graph on packed tokens divides them further.

    Raises:
        MissingLibrary: NNCF is not installed.
    """
    nncf = _nncf()
    if recipe == WEIGHTS:
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
    count = len(example["input_ids"])
    batches = [
        {name: values[row : row + rows_at_once] for name, values in example.items()}
        for row in range(0, count, rows_at_once)
    ]
    return nncf.quantize(
        model,
        nncf.Dataset(batches),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(batches),
        ignored_scope=nncf.IgnoredScope(names=_products_of_activations(model) if recipe == SPARING else []),
    )


def _products_of_activations(model: Any) -> list[str]:
    """The products without a constant side: queries with keys, and their scores with values."""
    return [
        node.get_friendly_name()
        for node in model.get_ops()
        if node.get_type_name() == "MatMul"
        and all(side.get_node().get_type_name() != "Constant" for side in node.input_values())
    ]


def _nncf() -> Any:
    # NNCF reports its use to its maker unless it is told not to before it is imported.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        import nncf  # noqa: PLC0415 - heavy, and needed for this precision only
    except ModuleNotFoundError:
        raise MissingLibrary(format_name="openvino", library="nncf", extra="openvino") from None
    nncf.set_log_level(logging.ERROR)
    return nncf
