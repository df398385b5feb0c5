"""Which products of a graph lose the most by int8, measured on its own outputs. Knows nothing of checkpoints and gates."""

import copy
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from .onnx_int8 import products_of, quantize_per_token

Inputs = dict[str, npt.NDArray[np.int64]]


def most_sensitive(proto: onnx.ModelProto, inputs: Inputs, *, share: float) -> frozenset[str]:
    """The fewest products that carry a `share` of the error, by the names of their outputs.

    A product's error is what the graph's outputs change by when it alone is int8, squared and summed.
    """
    if not share:
        return frozenset()
    exact = _outputs(proto, inputs)
    everything = products_of(proto)
    errors = {
        product: _error(_outputs(_quantized(proto, spared=everything - {product}), inputs), exact)
        for product in sorted(everything)
    }
    return frozenset(_worst(errors, share))


def _worst(errors: dict[str, float], share: float) -> Iterator[str]:
    wanted = share * sum(errors.values())
    for product in sorted(errors, key=errors.__getitem__, reverse=True):
        if wanted <= 0:
            return
        wanted -= errors[product]
        yield product


def _quantized(proto: onnx.ModelProto, *, spared: frozenset[str]) -> onnx.ModelProto:
    changed = copy.deepcopy(proto)
    quantize_per_token(changed, spared=spared)
    return changed


def _outputs(proto: onnx.ModelProto, inputs: Inputs) -> list[npt.NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    outputs: list[npt.NDArray[np.float32]] = session.run(None, inputs)
    return outputs


def _error(outputs: list[npt.NDArray[np.float32]], exact: list[npt.NDArray[np.float32]]) -> float:
    pairs = zip(outputs, exact, strict=True)
    return sum(float(np.square(one.astype(np.float64) - other).sum()) for one, other in pairs)
