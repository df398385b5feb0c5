"""Triton's `onnxruntime` backend in Python: an ONNX file, run by the installed onnxruntime as the native backend's config says.

Source of the settings: the README of triton-inference-server/onnxruntime_backend.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tritext_serving.backends.base import Array, BatchingModel, Instance, Runner
from tritext_serving.backends.config import ModelSettings, TensorSpec

if TYPE_CHECKING:
    import onnxruntime

ONNX_DTYPES = {
    "tensor(bool)": "bool",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(string)": "object",
}
"""ONNX Runtime's names that are not numpy's; `tensor(int64)` and the like are."""

SHRINKAGE = "memory.enable_memory_arena_shrinkage"


class TritonPythonModel(BatchingModel):
    default_filename = "model.onnx"
    library = "onnxruntime"

    def load(self, instance: Instance) -> Runner:
        import onnxruntime  # noqa: PLC0415 - a missing library must become a sentence, not a failed import

        settings = instance.settings
        session = onnxruntime.InferenceSession(
            instance.model_file, session_options(settings), providers=_providers(instance.device)
        )
        _check("input", settings.inputs, session.get_inputs())
        _check("output", settings.outputs, session.get_outputs())
        return Session(session, run_options(settings))


class Session(Runner):
    def __init__(self, session: "onnxruntime.InferenceSession", options: "onnxruntime.RunOptions") -> None:
        self._session = session
        self._options = options

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        arrays: Sequence[Array] = self._session.run(outputs, dict(inputs), self._options)
        return arrays


def session_options(settings: ModelSettings) -> "onnxruntime.SessionOptions":
    """ONNX Runtime's session options for the parameters that the native backend documents."""
    import onnxruntime as ort  # noqa: PLC0415

    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.integer("intra_op_thread_count", 0)
    options.inter_op_num_threads = settings.integer("inter_op_thread_count", 0)
    options.execution_mode = _execution_mode(settings)
    options.graph_optimization_level = _graph_level(settings)
    options.enable_cpu_mem_arena = settings.flag("enable_mem_arena", default=True)
    options.enable_mem_pattern = settings.flag("enable_mem_pattern", default=True)
    if settings.instances > 1:
        # Instances are processes that share the cores: a thread that spins while idle takes them from its neighbours.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def run_options(settings: ModelSettings) -> "onnxruntime.RunOptions":
    import onnxruntime as ort  # noqa: PLC0415

    options = ort.RunOptions()
    if settings.parameters.get(SHRINKAGE):
        options.add_run_config_entry(SHRINKAGE, settings.parameters[SHRINKAGE])
    return options


def _execution_mode(settings: ModelSettings) -> Any:
    import onnxruntime as ort  # noqa: PLC0415

    parallel = settings.flag("execution_mode", default=False)
    return ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL


def _graph_level(settings: ModelSettings) -> Any:
    import onnxruntime as ort  # noqa: PLC0415

    levels = ort.GraphOptimizationLevel
    named = {-1: levels.ORT_ENABLE_BASIC, 1: levels.ORT_ENABLE_EXTENDED, 2: levels.ORT_DISABLE_ALL}
    return named.get(settings.graph_level, levels.ORT_ENABLE_ALL)


def _providers(device: int | None) -> list[Any]:
    import onnxruntime as ort  # noqa: PLC0415

    if device is not None and "CUDAExecutionProvider" in ort.get_available_providers():
        return [("CUDAExecutionProvider", {"device_id": device}), "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _check(kind: str, declared: Mapping[str, TensorSpec], present: Sequence[Any]) -> None:
    """Refuse a config that does not fit the graph, by names, types and numbers of dimensions."""
    graph = {tensor.name: tensor for tensor in present}
    for spec in declared.values():
        if spec.name not in graph:
            raise ValueError(f"the config's {kind} {spec.name!r} is not in the graph, which has {', '.join(graph)}")
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
        raise ValueError(f"{kind} {spec.name!r} is {tensor.shape} in the graph, but {list(spec.dims)} in the config")


def _differ(in_graph: int | str | None, in_config: int) -> bool:
    return isinstance(in_graph, int) and in_config != -1 and in_graph != in_config
