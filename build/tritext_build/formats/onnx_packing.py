"""Unpadded compute in ONNX: an exported packed graph finds its packing itself, by the functions of `onnx_functions`."""

from dataclasses import dataclass
from typing import Any

import onnx
import torch
from onnx import helper
from onnxscript import OnnxFunction
from torch import Tensor

from tritext_build.packing import Heads, Packing

from . import onnx_chunks, onnx_functions
from .onnx_functions import DOMAIN, DOMAIN_VERSION


@dataclass(frozen=True)
class Grouping:
    """How attention finds the tokens of its rows.

    Attributes:
        pack: The function from `attention_mask` to the packing.
        group: The function from the packing's `lengths` to the groups.
        attention: The function that reads them.
        groups: What the one answers and the other reads.
        parts: The functions that these are made of.
    """

    pack: OnnxFunction[..., Any]
    group: OnnxFunction[..., Any]
    attention: OnnxFunction[..., Any]
    groups: tuple[str, ...]
    parts: tuple[OnnxFunction[..., Any], ...] = ()


IN_A_LOOP = Grouping(
    onnx_functions.pack,
    onnx_functions.group,
    onnx_functions.attention,
    ("slot_tokens", "slot_is_real", "token_slots", "slot_bounds", "group_rows", "group_widths"),
)
"""Over groups of like length, as many as there are."""

IN_CHUNKS = Grouping(
    onnx_chunks.pack_in_rounds,
    onnx_chunks.group_in_chunks,
    onnx_chunks.attention_in_chunks,
    (
        *(f"{kind}_{chunk}" for kind in ("slots", "bias") for chunk in range(onnx_chunks.CHUNKS)),
        "token_slots",
    ),
    (onnx_functions.pack, onnx_chunks.missing, onnx_chunks.chunk, onnx_chunks.attend_chunk),
)
"""Over a fixed number of groups, one after the other."""


def attend(heads: Heads, _packing: Packing) -> Tensor:
    """A node `attention`, to which `weave` gives its groups: as an `Attend`."""
    _, count, tokens, size = heads.query.shape
    attended = torch.onnx.ops.symbolic(
        f"{DOMAIN}::attention",
        [tensor.transpose(1, 2).reshape(1, -1, count * size) for tensor in heads[:3]],
        attrs={"heads": count, "scale": float(heads.scaling), "window": heads.window},
        dtype=heads.query.dtype,
        shape=(1, tokens, count * size),
        version=DOMAIN_VERSION,
    )
    return attended.view(1, -1, count, size).transpose(1, 2)


def weave(proto: onnx.ModelProto, grouping: Grouping) -> None:
    """Let an exported packed graph find its packing itself, in place: it then takes what the served graph does."""
    graph = proto.graph
    for node in graph.node:
        if node.domain == DOMAIN:
            node.op_type = grouping.attention.name
            node.input.extend(grouping.groups)
    graph.node.insert(
        0, helper.make_node(grouping.pack.name, ["attention_mask"], Packing._fields, domain=DOMAIN)
    )
    graph.node.insert(1, helper.make_node(grouping.group.name, ["lengths"], grouping.groups, domain=DOMAIN))
    own = [given for given in graph.input if given.name not in Packing._fields]
    del graph.input[:]
    graph.input.extend(own)
    functions = (*grouping.parts, grouping.pack, grouping.group, grouping.attention)
    proto.functions.extend(function.to_function_proto() for function in functions)
    if DOMAIN not in {known.domain for known in proto.opset_import}:
        proto.opset_import.append(helper.make_opsetid(DOMAIN, DOMAIN_VERSION))
