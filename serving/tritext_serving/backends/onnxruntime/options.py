"""ONNX Runtime's options for what a config says to the native backend, and whether a config fits a graph. Knows nothing of Triton's requests.

Source of the settings: the README of triton-inference-server/onnxruntime_backend.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import onnxruntime as ort

from tritext_serving.backends.config import ModelSettings, TensorSpec

ONNX_DTYPES = {
    "tensor(bool)": "bool",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(string)": "object",
}
"""ONNX Runtime's names that are not numpy's; `tensor(int64)` and the like are."""

SHRINKAGE = "memory.enable_memory_arena_shrinkage"


def session_options(settings: ModelSettings) -> ort.SessionOptions:
    """ONNX Runtime's session options for the parameters that the native backend documents."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.integer("intra_op_thread_count", 0)
    options.inter_op_num_threads = settings.integer("inter_op_thread_count", 0)
    options.execution_mode = _execution_mode(settings)
    options.graph_optimization_level = _graph_level(settings)
    options.enable_cpu_mem_arena = settings.flag("enable_mem_arena", default=True)
    options.enable_mem_pattern = settings.flag("enable_mem_pattern", default=True)
    # Instances are processes that share the cores with each other, the tokenizer and Triton: threads that spin while they
    # wait take those away, and halve the throughput.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def run_options(settings: ModelSettings) -> ort.RunOptions:
    """As the config says: without a word of it, no run shrinks an arena."""
    return _run_options(settings.parameters.get(SHRINKAGE, ""))


def shrinking(settings: ModelSettings, device: int | None) -> ort.RunOptions:
    """For a run after which the processor's arena shrinks, where networks run on the processor and there is an arena."""
    has_arena = device is None and settings.flag("enable_mem_arena", default=True)
    return _run_options(settings.parameters.get(SHRINKAGE) or ("cpu:0" if has_arena else ""))


def _run_options(shrinkage: str) -> ort.RunOptions:
    options = ort.RunOptions()
    if shrinkage:
        options.add_run_config_entry(SHRINKAGE, shrinkage)
    return options


def _execution_mode(settings: ModelSettings) -> Any:
    parallel = settings.flag("execution_mode", default=False)
    return ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL


def _graph_level(settings: ModelSettings) -> Any:
    levels = ort.GraphOptimizationLevel
    named = {-1: levels.ORT_ENABLE_BASIC, 1: levels.ORT_ENABLE_EXTENDED, 2: levels.ORT_DISABLE_ALL}
    return named.get(settings.graph_level, levels.ORT_ENABLE_ALL)


def providers(device: int | None) -> list[Any]:
    """Where to run: on the GPU of that number, if this onnxruntime can, else on the processor."""
    if device is not None and "CUDAExecutionProvider" in ort.get_available_providers():
        return [("CUDAExecutionProvider", {"device_id": device}), "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def check(kind: str, declared: Mapping[str, TensorSpec], present: Sequence[Any]) -> None:
    """Refuse a config that does not fit the graph, by names, types and numbers of dimensions."""
    graph = {tensor.name: tensor for tensor in present}
    for spec in declared.values():
        if spec.name not in graph:
            raise ValueError(
                f"the config's {kind} {spec.name!r} is not in the graph, which has {', '.join(graph)}"
            )
        _check_tensor(kind, spec, graph[spec.name])
    missing = [name for name in graph if name not in declared] if kind == "input" else []
    if missing:
        raise ValueError(f"the graph's inputs {', '.join(missing)} are not in the config")


def _check_tensor(kind: str, spec: TensorSpec, tensor: Any) -> None:
    dtype = ONNX_DTYPES.get(tensor.type) or tensor.type.removeprefix("tensor(").removesuffix(")")
    wanted = {"str": "object"}.get(spec.dtype.__name__, spec.dtype.__name__.rstrip("_"))
    if dtype != wanted:
        raise ValueError(f"{kind} {spec.name!r} is {dtype} in the graph, but {wanted} in the config")
    if len(tensor.shape) != len(spec.dims) or any(map(_differ, tensor.shape, spec.dims)):
        raise ValueError(
            f"{kind} {spec.name!r} is {tensor.shape} in the graph, but {list(spec.dims)} in the config"
        )


def _differ(in_graph: int | str | None, in_config: int) -> bool:
    return isinstance(in_graph, int) and in_config not in {-1, in_graph}
