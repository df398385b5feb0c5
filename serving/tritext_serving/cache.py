"""Answers that are kept for texts which come again: of the network's step alone, in Triton's own cache. Configs in, configs out.

Triton's key is a model's name and version and the bytes of its inputs. It does not know a request's parameters, so that a
cached ensemble would answer `top_k: 2` with whatever was asked before. A network's answer depends on its rows alone.
"""

from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving.settings import ServeSettings

MEBI = 20


def arguments(settings: ServeSettings) -> dict[str, str]:
    """Tritonserver's option, where a cache was asked for."""
    return {"cache-config": f"local,size={settings.cache_mb << MEBI}"} if settings.cache_mb else {}


def cached(config: ModelConfig) -> ModelConfig:
    """The config of a network whose answers are kept."""
    new = ModelConfig()
    new.CopyFrom(config)
    new.response_cache.enable = True
    return new
