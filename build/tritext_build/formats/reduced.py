"""Reduced precision where it pays and harms least: the encoder's linear layers, and nothing else.

Products run in bf16 or fp16; the sums between layers, norms, attention and the head stay FP32. Against
a model that is bf16 throughout this halves the error, because the residual is never rounded.
"""

import copy

import torch
from torch.nn import functional


class ReducedLinear(torch.nn.Module):
    """A linear layer that multiplies in `dtype` and answers in FP32."""

    def __init__(self, linear: torch.nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(linear.weight.detach().to(dtype), requires_grad=False)
        bias = linear.bias
        self.bias = None if bias is None else torch.nn.Parameter(bias.detach().to(dtype), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias).float()


def reduced(model: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """A copy of a transformers model whose encoder multiplies in `dtype`."""
    model = copy.deepcopy(model)
    encoder = model.base_model
    assert isinstance(encoder, torch.nn.Module)  # noqa: S101 - transformers types it as a tensor or a module
    for name, module in list(encoder.named_modules()):
        if isinstance(module, torch.nn.Linear):
            encoder.set_submodule(name, ReducedLinear(module, dtype))
    return model
