"""In which precision the products of training are computed: the fastest that processor and GPU have instructions for.

Weights, gradients, the optimizer and all scores of the finished checkpoint are fp32 either way.
"""

from pathlib import Path
from typing import Literal

import torch

Precision = Literal["bf16", "fp32"]

_BF16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
"""What Linux calls them: https://docs.kernel.org/arch/x86/cpuinfo.html. Without them bf16 is slower than fp32."""


def fastest_precision() -> Precision:
    """bf16 where the device that trains multiplies in it natively, else fp32."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if _BF16_INSTRUCTIONS & cpu_flags() else "fp32"


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """The instruction sets that Linux reports; none where there is no such file."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())
