"""How each model is to be loaded: its config with the instances, threads and versions of this machine, as Triton's load call takes it.

The files are never touched; what is decided here travels with the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from tritext_serving.repository import Model, Repository

MODEL_STEP = "_model"
"""The end of a name that says: this step runs the network."""

INTRA_OP = {"onnxruntime": "intra_op_thread_count", "pytorch": "INTRA_OP_THREAD_COUNT"}
"""The documented parameter for the threads of one instance, by backend."""

GPU_DEVICE = Path("/dev/nvidiactl")


@dataclass(frozen=True, kw_only=True)
class Parallelism:
    """How many copies of a network run at once, with how many threads each."""

    instances: int
    threads: int


def for_machine(
    *, instances: int | None, threads: int | None, cores: int, gpu: bool
) -> Parallelism | None:
    """One busy thread per instance and as many instances as cores: the best use of processors under load.

    None, where nothing was asked for and a GPU does the work: then Triton's own defaults are right.
    """
    if gpu and instances is None and threads is None:
        return None
    threads = threads or (max(1, cores // instances) if instances else 1)
    return Parallelism(instances=instances or max(1, cores // threads), threads=threads)


def has_gpu() -> bool:
    return GPU_DEVICE.exists()


def configs(repository: Repository, parallelism: Parallelism | None) -> Mapping[str, str]:
    """The JSON config to load each model with, by name, in an order in which steps come before their ensembles."""
    ordered = sorted(repository.models.values(), key=lambda model: (bool(model.steps), model.name))
    return {model.name: _as_json(_planned(model, parallelism)) for model in ordered}


def _planned(model: Model, parallelism: Parallelism | None) -> ModelConfig:
    config = ModelConfig()
    config.CopyFrom(model.config)
    config.name = model.name
    _keep_versions(config, model.versions)
    if parallelism and backend_of(config) in INTRA_OP and model.name.endswith(MODEL_STEP):
        _set_parallelism(config, parallelism)
    return config


def backend_of(config: ModelConfig) -> str:
    """The backend, also where a config only names the older `platform`."""
    named: str = config.backend or config.platform.partition("_")[0]
    return named


def _keep_versions(config: ModelConfig, complete: tuple[int, ...]) -> None:
    """Narrow the config's version policy to complete versions; Triton itself would take the latest folder, whole or not."""
    policy = config.version_policy
    if policy.HasField("specific"):
        kept = [version for version in policy.specific.versions if version in complete]
    elif policy.HasField("all"):
        kept = list(complete)
    else:
        kept = list(complete[-(policy.latest.num_versions or 1) :])
    policy.specific.versions[:] = kept


def _set_parallelism(config: ModelConfig, parallelism: Parallelism) -> None:
    """What the repository's author decided stays as it is."""
    if config.instance_group:
        return
    config.instance_group.append(ModelInstanceGroup(count=parallelism.instances))
    key = INTRA_OP[backend_of(config)]
    if key not in config.parameters:
        config.parameters[key].string_value = str(parallelism.threads)


def _as_json(config: ModelConfig) -> str:
    return json_format.MessageToJson(config, preserving_proto_field_name=True, indent=None)
