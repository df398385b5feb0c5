"""Checkpoint in, verified model version on disk out. Knows torch, ONNX and Triton's file layout; never the network."""

from .building import BuildRequest, build
from .manifest import Manifest

__all__ = ["BuildRequest", "Manifest", "build"]
