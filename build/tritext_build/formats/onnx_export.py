"""Served graphs as ONNX in FP32, by torch's own exporter; on packed tokens, or on rows that are cut to the longest."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import torch

from tritext_build.graph import ServedGraph, tensors
from tritext_build.packing import PackedGraph, pack

from .format import Example
from .onnx_packing import Grouping, weave
from .onnx_surgery import fix_width

OPSET = 20
"""The first operator set with Gelu; NVIDIA's containers read it since 24.01."""


def packed_proto(packed: PackedGraph, example: Example, grouping: Grouping) -> onnx.ModelProto:
    """Exported for any number of rows and tokens, and finding its packing itself."""
    rows, names = tensors(example), packed.served.all_names
    tokens, longest = _any("tokens"), _any("longest")
    of_packing = ({0: tokens}, {0: tokens}, {0: _any("batch"), 1: longest}, {0: _any("batch")})
    proto = _exported(
        packed,
        {**{name: rows[name] for name in names}, **pack(rows["attention_mask"])._asdict()},
        [*({0: _any("batch")} for _ in names), *of_packing],
    )
    weave(proto, grouping)
    return proto


def padded_proto(graph: ServedGraph, example: Example) -> onnx.ModelProto:
    """Exported for any number and length of rows, which it cuts to the longest itself; with eager attention."""
    graph.model.set_attn_implementation("eager")  # type: ignore[operator]
    longest = int(example["attention_mask"].sum(axis=1).max())
    rows = tensors(example)
    cut = {name: rows[name][:, :longest].clone() for name in graph.input_names}
    proto = _exported(
        graph,
        {**cut, **{name: rows[name] for name in graph.extra_names}},
        [
            *({0: _any("batch"), 1: _any("length")} for _ in graph.input_names),
            *({0: _any("batch")} for _ in graph.extra_names),
        ],
    )
    fix_width(proto, inputs=graph.input_names, width=example["input_ids"].shape[1])
    return proto


def _any(name: str) -> Any:
    """A dimension of any size; two of one name are equal."""
    return torch.export.Dim(name, max=1 << 20)


def _exported(
    graph: ServedGraph | PackedGraph, inputs: Mapping[str, torch.Tensor], free: Sequence[Mapping[int, Any]]
) -> onnx.ModelProto:
    """`free` are the dimensions of each input that may have any size."""
    program = torch.onnx.export(
        graph.eval(),
        tuple(inputs.values()),
        dynamo=True,
        dynamic_shapes=(tuple(free),),
        input_names=list(inputs),
        output_names=list(graph.output_names),
        opset_version=OPSET,
    )
    proto: onnx.ModelProto = program.model_proto  # type: ignore[union-attr]
    del proto.graph.value_info[:]
    return proto
