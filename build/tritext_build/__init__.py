"""Checkpoint in, verified model version on disk out. Knows torch, ONNX and Triton's file layout; never the network."""

import os

# ONNX Runtime reports its use to its maker unless it is told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Threads of torch that wait do not spin, so that a build beside other work does not starve it and itself.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from .building import BuildRequest, build
from .manifest import Manifest
from .tasks.task import TaskOptions

__all__ = ["BuildRequest", "Manifest", "TaskOptions", "build"]
