"""int8 by NNCF: scales fixed beforehand on texts, so that no answer depends on its company.

SmoothQuant (Xiao et al. 2022, https://arxiv.org/abs/2211.10438), which NNCF applies to transformers, moves the outliers of
activations into the weights before the scales are taken.
"""

import logging
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from tritext_build.errors import MissingLibrary


def quantized(model: Any, example: dict[str, npt.NDArray[np.int64]]) -> Any:
    """The OpenVINO model with int8 products; every row of `example` is run once, alone, so that padding has no say.

    Raises:
        MissingLibrary: NNCF is not installed.
    """
    nncf = _nncf()
    count = len(example["input_ids"])
    rows = [{name: values[row : row + 1] for name, values in example.items()} for row in range(count)]
    return nncf.quantize(
        model,
        nncf.Dataset(rows),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=count,
    )


def _nncf() -> Any:
    # NNCF reports its use to its maker unless it is told not to before it is imported.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        import nncf  # noqa: PLC0415 - heavy, and needed for this precision only
    except ModuleNotFoundError:
        raise MissingLibrary(format_name="openvino", library="nncf", extra="openvino") from None
    nncf.set_log_level(logging.ERROR)
    return nncf
