"""Which products of a graph lose the most by int8, measured on its own outputs. Knows nothing of checkpoints and gates."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx

from .format import Example
from .onnx_int8 import products_of, switch_of, switchable
from .onnx_session import open_session

Outputs = list[npt.NDArray[np.float32]]


def int8_errors(proto: onnx.ModelProto, example: Example) -> dict[str, float]:
    """Of each product, what the graph's outputs change by when it alone is int8: squared and summed."""
    products = products_of(proto)
    session = open_session(switchable(proto).SerializeToString())

    def outputs(quantized: str | None) -> Outputs:
        switches = {switch_of(product): np.array(product == quantized) for product in products}
        answered: Outputs = session.run(None, {**example, **switches})
        return answered

    exact = outputs(None)
    return {product: _error(outputs(product), exact) for product in products}


def worst(errors: Mapping[str, float], share: float) -> frozenset[str]:
    """The fewest products that carry a `share` of all error, by the names of their outputs."""
    found: set[str] = set()
    wanted = share * sum(errors.values())
    for product in sorted(errors, key=errors.__getitem__, reverse=True):
        if wanted <= 0:
            break
        wanted -= errors[product]
        found.add(product)
    return frozenset(found)


def _error(outputs: Outputs, exact: Outputs) -> float:
    pairs = zip(outputs, exact, strict=True)
    return sum(float(np.square(one.astype(np.float64) - other).sum()) for one, other in pairs)
