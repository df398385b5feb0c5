"""OpenVINO's properties for what a config says to the native backend. Knows neither OpenVINO nor Triton's requests.

Source of the settings: the README of triton-inference-server/openvino_backend.
"""

import os
from typing import Any

from tritext_serving.backends.config import ModelSettings

STREAM_WORDS = ("AUTO", "NUMA")
HINTS = ("LATENCY", "THROUGHPUT", "CUMULATIVE_THROUGHPUT")


def compile_options(settings: ModelSettings) -> dict[str, Any]:
    """The properties to compile with, for one of the model's instances."""
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if _is_yes(settings, "HINT_BF16") else "f32",
        "INFERENCE_NUM_THREADS": _threads(settings),
        # An instance computes one batch at a time, so more streams would be idle.
        "NUM_STREAMS": 1,
        # Instances are processes that do not know of each other, and would all be pinned to the first cores.
        "ENABLE_CPU_PINNING": False,
    }
    if compiling := settings.integer("COMPILATION_NUM_THREADS", 0):
        options["COMPILATION_NUM_THREADS"] = compiling
    if hint := _one_of(settings, "PERFORMANCE_HINT", HINTS):
        options["PERFORMANCE_HINT"] = hint
    return options


def extensions(settings: ModelSettings) -> list[str]:
    """The shared libraries with kernels of the user's own."""
    path = settings.parameters.get("CPU_EXTENSION_PATH")
    return [path] if path else []


def _threads(settings: ModelSettings) -> int:
    """One instance's share: the native backend's instances have their threads and streams in common."""
    threads = settings.integer("INFERENCE_NUM_THREADS", 0) or len(os.sched_getaffinity(0))
    return max(1, threads // max(settings.instances, _streams(settings)))


def _streams(settings: ModelSettings) -> int:
    word = settings.parameters.get("NUM_STREAMS", "1").upper()
    return 1 if word in STREAM_WORDS else settings.integer("NUM_STREAMS", 1)


def _is_yes(settings: ModelSettings, key: str) -> bool:
    return _one_of(settings, key, ("YES",)) == "YES"


def _one_of(settings: ModelSettings, key: str, known: tuple[str, ...]) -> str:
    """A parameter that is one of these words in any case, or empty where it is not given."""
    word = settings.parameters.get(key, "").upper()
    if word and word not in known:
        raise ValueError(f"parameter {key!r} must be {' or '.join(known)}, not {settings.parameters[key]!r}")
    return word
