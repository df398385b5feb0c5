"""The head of tasks whose rows leave the graph as logits alone, to become scores in the last step."""

from collections.abc import Mapping
from typing import Any

import torch

from tritext_build.model_config import FP32, Tensor

from .task import Head

LOGITS = "logits"


class Logits(Head):
    """Logits FP32 [rows, labels], whatever precision the model computes in."""

    def forward(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:  # noqa: ARG002
        return (output.logits.float(),)


def logits(labels: int) -> Tensor:
    """The graph's output."""
    return Tensor(name=LOGITS, data_type=FP32, dims=(labels,))
