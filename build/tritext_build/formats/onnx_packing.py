"""Unpadded compute in ONNX: an exported packed graph finds its packing itself, by the functions of `onnx_functions`."""

import onnx
import torch
from onnx import helper
from torch import Tensor

from tritext_build.packing import Heads, Packing

from .onnx_functions import DOMAIN, DOMAIN_VERSION, attention, group, pack

GROUPS = ("slot_tokens", "slot_is_real", "token_slots", "slot_bounds", "group_rows", "group_widths")
"""What the function `group` answers and the function `attention` reads."""


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


def weave(proto: onnx.ModelProto) -> None:
    """Let an exported packed graph find its packing itself, in place: it then takes what the served graph does."""
    graph = proto.graph
    for node in graph.node:
        if node.domain == DOMAIN:
            node.input.extend(GROUPS)
    graph.node.insert(0, helper.make_node("pack", ["attention_mask"], Packing._fields, domain=DOMAIN))
    graph.node.insert(1, helper.make_node("group", ["lengths"], GROUPS, domain=DOMAIN))
    own = [given for given in graph.input if given.name not in Packing._fields]
    del graph.input[:]
    graph.input.extend(own)
    proto.functions.extend(function.to_function_proto() for function in (pack, group, attention))
    if DOMAIN not in {known.domain for known in proto.opset_import}:
        proto.opset_import.append(helper.make_opsetid(DOMAIN, DOMAIN_VERSION))
