"""How each model is to be run on this machine: the instances and threads that its config leaves open, as lines to add to it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from tritext_serving.cores import usable_cores
from tritext_serving.repository import Model
from tritext_serving.settings import ServeSettings

MODEL_STEP = "_model"
"""The end of a name that says: this step runs the network."""

INTRA_OP: Mapping[str, str] = {"onnxruntime": "intra_op_thread_count", "pytorch": "INTRA_OP_THREAD_COUNT"}
"""The documented parameter for the threads of one instance, by backend."""

COMMON: Mapping[str, tuple[str, str]] = {"openvino": ("INFERENCE_NUM_THREADS", "NUM_STREAMS")}
"""The documented parameters for the threads that all instances share, and for how many parts they are divided into."""

GPU_DEVICE = Path("/dev/nvidiactl")


@dataclass(frozen=True, kw_only=True)
class Parallelism:
    """How many copies of a network run at once, with how many threads each."""

    instances: int
    threads: int


def parallelism(settings: ServeSettings, *, cores: int, gpu: bool) -> Parallelism | None:
    """One busy thread per instance and as many instances as cores: the best use of processors under load.

    None, where nothing was asked for and a GPU does the work: Triton's own defaults are right then.
    """
    instances, threads = settings.instances, settings.threads
    if gpu and instances is None and threads is None:
        return None
    threads = threads or (max(1, cores // instances) if instances else 1)
    return Parallelism(instances=instances or max(1, cores // threads), threads=threads)


def for_this_machine(settings: ServeSettings) -> Parallelism | None:
    return parallelism(settings, cores=usable_cores(), gpu=has_gpu())


def has_gpu() -> bool:
    return GPU_DEVICE.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def additions(model: Model, wanted: Parallelism | None) -> str:
    """Text to append to the model's config.pbtxt; empty where its author decided, or where it runs no network."""
    parameters = _parameters(model.backend, wanted) if wanted else {}
    if not wanted or not parameters or not model.name.endswith(MODEL_STEP) or model.config.instance_group:
        return ""
    added = ModelConfig(instance_group=[ModelInstanceGroup(count=wanted.instances)])
    for key, value in parameters.items():
        if key not in model.config.parameters:
            added.parameters[key].string_value = str(value)
    text: str = text_format.MessageToString(added)
    return text


def _parameters(backend: str, wanted: Parallelism) -> dict[str, int]:
    """How the backend is told its threads; empty where it is none that runs networks."""
    if backend in INTRA_OP:
        return {INTRA_OP[backend]: wanted.threads}
    if backend in COMMON:
        threads, streams = COMMON[backend]
        return {threads: wanted.instances * wanted.threads, streams: wanted.instances}
    return {}
