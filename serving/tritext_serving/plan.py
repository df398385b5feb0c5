"""How each model is to be run on this machine: the instances, threads, batches and queues that its config leaves open."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from tritext_serving import cache, queues, triton
from tritext_serving.cores import usable_cores
from tritext_serving.repository import Model
from tritext_serving.settings import ServeSettings

MODEL_STEP = "_model"
"""The end of a name that says: this step runs the network."""

INTRA_OP: Mapping[str, str] = {"onnxruntime": "intra_op_thread_count", "pytorch": "INTRA_OP_THREAD_COUNT"}
"""The documented parameter for the threads of one instance, by backend."""

COMMON: Mapping[str, tuple[str, str]] = {"openvino": ("INFERENCE_NUM_THREADS", "NUM_STREAMS")}
"""The documented parameters for the threads that all instances share, and for how many parts they are divided into."""

ROWS_AT_ONCE = 16
"""Rows gathered for one run on a processor: more make it no faster a row, and all of them wait for the whole run."""

ROWS_AT_ONCE_ON_GPU = 128
"""Rows that a GPU computes at a time, two batches, where Triton decides about copies."""

MOST_OF_A_TEXT_A_ROW = 64
"""`max_batch_size` where a text is a row. Above it a request may be many rows itself, and those of several share runs."""

GPU_DEVICE = Path("/dev/nvidiactl")


@dataclass(frozen=True, kw_only=True)
class Parallelism:
    """How many copies of a network run at once, with how many threads each; 0 copies leave both to Triton."""

    instances: int
    threads: int
    rows: int | None = None
    """Rows that are gathered from several requests for one run; None for as many as the model takes."""
    queue_s: float = 0.0
    """Seconds of work that may wait before each step; 0 for what the configs say."""
    cached: bool = False
    """Whether answers of networks are kept."""
    asked: bool = False
    """Whether somebody asked for these copies or threads, so that they hold on a GPU, too."""
    on_gpu: frozenset[str] = frozenset()
    """The backends whose networks a GPU computes. Triton's own defaults are right for them."""

    def of(self, backend: str) -> "Parallelism":
        """For the networks of one backend."""
        if backend not in self.on_gpu:
            return self
        return replace(self, rows=None) if self.asked else replace(self, rows=None, instances=0, threads=0)


def parallelism(settings: ServeSettings, *, cores: int) -> Parallelism:
    """One busy thread per instance and as many instances as cores: the best use of processors under load."""
    instances, threads = settings.instances, settings.threads
    asked = instances is not None or threads is not None
    threads = threads or (max(1, cores // instances) if instances else 1)
    return Parallelism(
        instances=instances or max(1, cores // threads), threads=threads, rows=ROWS_AT_ONCE, asked=asked
    )


def for_this_machine(settings: ServeSettings) -> Parallelism:
    return replace(
        parallelism(settings, cores=usable_cores()),
        queue_s=settings.queue_limit,
        cached=settings.cache_mb > 0,
        on_gpu=on_gpu(settings.tritonserver),
    )


def on_gpu(tritonserver: Path | None = None) -> frozenset[str]:
    """The backends of the Triton at that path that compute on a GPU: there is one, and what runs their networks can use it."""
    if not has_gpu():
        return frozenset()
    is_nvidias = triton.find(tritonserver).stubs is None
    return frozenset(backend for backend in INTRA_OP if is_nvidias or _has_cuda(backend))


def _has_cuda(backend: str) -> bool:
    """Whether the library behind one of our backends is the kind for GPUs; told by what is installed, importing nothing."""
    if backend == "onnxruntime":
        return _version("onnxruntime-gpu") is not None
    torch = _version("torch")
    return torch is not None and not torch.endswith("+cpu")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def has_gpu() -> bool:
    return GPU_DEVICE.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def completed(model: Model, wanted: Parallelism) -> ModelConfig:
    """The model's config with what its author left open; as it is where all is decided."""
    wanted = wanted.of(model.backend)
    busy = wanted.instances * ROWS_AT_ONCE or ROWS_AT_ONCE_ON_GPU
    config = queues.limited(model, _network(model, wanted), wanted.queue_s, busy=busy)
    return cache.cached(config) if wanted.cached and model.name.endswith(MODEL_STEP) else config


def _network(model: Model, wanted: Parallelism) -> ModelConfig:
    """Copies, threads and batches, of a step that runs a network."""
    parameters = _parameters(model.backend, wanted) if wanted.instances else {}
    if not parameters or not model.name.endswith(MODEL_STEP) or model.config.instance_group:
        return model.config
    config = ModelConfig()
    config.CopyFrom(model.config)
    group = config.instance_group.add(count=wanted.instances)
    if has_gpu() and model.backend not in wanted.on_gpu:
        group.kind = ModelInstanceGroup.KIND_CPU
    for key, value in parameters.items():
        if _is_open(config, key):
            config.parameters[key].string_value = str(value)
    if wanted.rows and _gathers_freely(config, wanted.rows):
        config.dynamic_batching.preferred_batch_size[:] = [wanted.rows]
    return config


def _gathers_freely(config: ModelConfig, rows: int) -> bool:
    """Whether batches grow as large as the model takes: without a delay, which goes before any preferred size."""
    batching = config.dynamic_batching
    if config.max_batch_size > MOST_OF_A_TEXT_A_ROW + 1:
        return False
    limit = max(batching.preferred_batch_size, default=config.max_batch_size)
    # Builds for OpenVINO prefer one row less than the maximum, which is no decision about speed.
    is_open = limit >= config.max_batch_size - 1
    return (
        is_open
        and limit > rows
        and not batching.max_queue_delay_microseconds
        and config.HasField("dynamic_batching")
    )


def _is_open(config: ModelConfig, key: str) -> bool:
    """Whether a parameter's author left it to us; the one thread that every build writes is no decision."""
    return key not in config.parameters or config.parameters[key].string_value == "1"


def _parameters(backend: str, wanted: Parallelism) -> dict[str, int]:
    """How the backend is told its threads; empty where it is none that runs networks."""
    if backend in INTRA_OP:
        return {INTRA_OP[backend]: wanted.threads}
    if backend in COMMON:
        threads, streams = COMMON[backend]
        return {threads: wanted.instances * wanted.threads, streams: wanted.instances}
    return {}
