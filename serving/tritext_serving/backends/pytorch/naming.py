"""How the names in a config belong to the arguments and outputs of a TorchScript module. Knows neither torch nor Triton.

Source: Triton's model configuration documentation, "Special Conventions for PyTorch Backend".
"""

import re
from collections.abc import Sequence
from typing import Any

INDEXED = re.compile(r".*__(\d+)")
"""`NAME__0`: the position of an argument or of an output, where its name says nothing."""


def ordered_inputs(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """The config's inputs in the order of forward's arguments: by the arguments' names, else by `NAME__<index>`.

    Raises ValueError where the names follow neither convention.
    """
    if set(names) <= set(arguments):
        return sorted(names, key=arguments.index)
    return sorted(names, key=lambda name: index("input", name))


def forward_arguments(module: Any) -> list[str]:
    """The names of forward's arguments, without self."""
    return [argument.name for argument in module.forward.schema.arguments if argument.name != "self"]


def index(kind: str, name: str) -> int:
    match = INDEXED.fullmatch(name)
    if match is None:
        raise ValueError(f"the {kind} {name!r} must be called NAME__<index>, such as {kind.upper()}__0")
    return int(match[1])
