"""In which precision the products of training are computed: the fastest that processor and GPU have instructions for.

Weights, gradients, the optimizer and all scores of the finished checkpoint are fp32 either way.
"""

from typing import Literal

import torch

from tritext.processor import cpu_flags

Precision = Literal["bf16", "fp32"]

_BF16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
"""Without them bf16 is slower than fp32."""


def fastest_precision() -> Precision:
    """bf16 where the device that trains multiplies in it natively, else fp32."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if _BF16_INSTRUCTIONS & cpu_flags() else "fp32"
