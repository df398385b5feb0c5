"""Where a run took place: the machine and the versions of everything that shapes its result."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

LIBRARIES = ("tritext", "torch", "transformers", "tokenizers", "safetensors", "scikit-learn", "numpy")


def environment() -> dict[str, Any]:
    """Python, library versions, processor, GPU if there is one, operating system."""
    return {
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "cpu": _processor(),
        "cpu_cores": len(os.sched_getaffinity(0)),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
