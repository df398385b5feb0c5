"""Reduced precision where it pays and harms least: the encoder's linear layers, and activations between two of them.

Products run in bf16 or fp16; the sums between layers, norms and the head stay FP32, and attention is another's to decide.
Against a model that is bf16 throughout this halves the error, because the residual is never rounded.
"""

import copy

import torch
from torch import Tensor
from torch.nn import functional

SAMPLE = torch.linspace(-12, 12, 4_001)
"""What functions between linear layers are compared on."""


class ReducedLinear(torch.nn.Module):
    """A linear layer that multiplies in `dtype` and answers in FP32, or, if `narrow`, in `dtype`."""

    def __init__(self, linear: torch.nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(linear.weight.detach().to(dtype), requires_grad=False)
        bias = linear.bias
        self.bias = None if bias is None else torch.nn.Parameter(bias.detach().to(dtype), requires_grad=False)
        self.narrow = False

    def forward(self, x: Tensor) -> Tensor:
        product = functional.linear(x.to(self.weight.dtype), self.weight, self.bias)
        return product if self.narrow else product.float()


def reduced(model: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """A copy of a transformers model whose encoder multiplies in `dtype`."""
    model = copy.deepcopy(model)
    encoder = model.base_model
    assert isinstance(encoder, torch.nn.Module)  # noqa: S101 - transformers types it as a tensor or a module
    for name, module in list(encoder.named_modules()):
        if isinstance(module, torch.nn.Linear):
            encoder.set_submodule(name, ReducedLinear(module, dtype))
    for linear in _before_activations(encoder, dtype):
        linear.narrow = True
    return model


def _before_activations(encoder: torch.nn.Module, dtype: torch.dtype) -> list[ReducedLinear]:
    """Linear layers from which an activation, and nothing else, leads to the next; found by running on two tokens.

    Between the two nothing is gained by FP32: what comes is rounded already, and what goes will be.
    """
    answered: list[tuple[Tensor, ReducedLinear]] = []
    taken: list[Tensor] = []
    activations: list[tuple[Tensor, Tensor]] = []

    def watch(module: torch.nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, ReducedLinear):
            answered.append((output, module))
            taken.append(arguments[0])
        else:
            activations.append((arguments[0], output))

    hooks = [
        module.register_forward_hook(watch)
        for module in encoder.modules()
        if isinstance(module, ReducedLinear) or _is_as_good_in(dtype, module)
    ]
    try:
        tokens = torch.zeros(1, 2, dtype=torch.int64)
        encoder(input_ids=tokens, attention_mask=torch.ones_like(tokens))
    finally:
        for hook in hooks:
            hook.remove()
    return [
        linear
        for before, after in activations
        for output, linear in answered
        if output is before and any(argument is after for argument in taken)
    ]


def _is_as_good_in(dtype: torch.dtype, module: torch.nn.Module) -> bool:
    """Whether a module is a function of one number whose answer in `dtype` is FP32's, rounded.

    torch computes its own activations so; those that are written as a formula round after each operation.
    """
    if any(module.children()) or next(module.parameters(), None) is not None:
        return False
    sample = SAMPLE.to(dtype)
    try:
        with torch.inference_mode():
            narrow, wide = module(sample), module(sample.float()).to(dtype)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
        return False
    eps = torch.finfo(dtype).eps
    return isinstance(narrow, Tensor) and torch.allclose(narrow.float(), wide.float(), rtol=eps, atol=1e-6)
