"""Whether a config fits an OpenVINO graph, and the graph reshaped where the config asks for it. Knows nothing of requests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tritext_serving.backends.config import ModelSettings, TensorSpec


def fit(model: Any, settings: ModelSettings) -> None:
    """Refuse a config that does not fit the graph, by names, types and dimensions.

    With RESHAPE_IO_LAYERS the graph's inputs first take the config's dimensions. Raises ValueError with one sentence.
    """
    _check_names("input", settings.inputs, model.inputs)
    _check_names("output", settings.outputs, model.outputs)
    missing = [port.get_any_name() for port in model.inputs if not port.get_names() & {*settings.inputs}]
    if missing:
        raise ValueError(f"the graph's inputs {', '.join(missing)} are not in the config")
    if settings.flag("RESHAPE_IO_LAYERS", default=False):
        model.reshape({name: list(spec.dims) for name, spec in settings.inputs.items()})
    for kind, declared in (("input", settings.inputs), ("output", settings.outputs)):
        for spec in declared.values():
            _check_tensor(kind, spec, getattr(model, kind)(spec.name))


def _check_names(kind: str, declared: Mapping[str, TensorSpec], present: Sequence[Any]) -> None:
    names = {name for port in present for name in port.get_names()}
    for name in declared:
        if name not in names:
            known = ", ".join(port.get_any_name() for port in present)
            raise ValueError(f"the config's {kind} {name!r} is not in the graph, which has {known}")


def _check_tensor(kind: str, spec: TensorSpec, port: Any) -> None:
    dtype, wanted = np.dtype(port.get_element_type().to_dtype()), np.dtype(spec.dtype)
    if dtype != wanted:
        raise ValueError(f"{kind} {spec.name!r} is {dtype} in the graph, but {wanted} in the config")
    shape = port.get_partial_shape()
    dims = [dim.get_length() if dim.is_static else -1 for dim in shape] if shape.rank.is_static else None
    if dims is not None and (len(dims) != len(spec.dims) or any(map(_differ, dims, spec.dims))):
        raise ValueError(f"{kind} {spec.name!r} is {dims} in the graph, but {list(spec.dims)} in the config")


def _differ(in_graph: int, in_config: int) -> bool:
    return in_graph >= 0 and in_config not in {-1, in_graph}
