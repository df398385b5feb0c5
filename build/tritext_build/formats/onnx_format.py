"""ONNX: exported by torch's own exporter, with Triton's backend `onnxruntime`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnx
import torch

from tritext_build.graph import ServedGraph, tensors
from tritext_build.packing import PackedGraph, pack, packed_graph

from .boundary import serving_as
from .format import Example, Export, RunGraph
from .onnx_int8 import quantize_per_token
from .onnx_packing import attend, weave
from .onnx_sensitivity import int8_errors, worst
from .onnx_session import open_session
from .onnx_surgery import fix_width, position_nodes, save

OPSET = 20
"""The first operator set with Gelu; NVIDIA's containers read it since 24.01."""

INT8_SPARING = {"int8, fp32 where it hurts most": 0.75, "int8, fp32 wherever it hurts": 0.95}
"""Recipe to the share of int8's error that is spared."""


@dataclass(frozen=True)
class OnnxFormat:
    """On packed tokens where the model allows it; elsewhere with eager attention, whose graph is the smallest.

    Attributes:
        packs: Whether packed tokens are tried at all; if not, there is something to compare them with.
    """

    packs: bool = True
    name: ClassVar[str] = "onnx"
    backend: ClassVar[str] = "onnxruntime"
    filename: ClassVar[str] = "model.onnx"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8", "fp16")
    parameters: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"intra_op_thread_count": "1", "inter_op_thread_count": "1"}
    )

    def input_names(self, names: Sequence[str]) -> list[str]:
        return list(names)

    output_names = input_names

    def exports(self, graph: ServedGraph, example: Example, path: Path, precision: str) -> Iterator[Export]:
        with serving_as(self.name):
            packed = packed_graph(graph, attend, tensors(example)) if self.packs else None
            proto = _packed(packed, example) if packed else _padded(graph, example)
        for recipe, written in _recipes(proto, example, precision):
            save(written, path)
            yield Export(recipe=recipe, unpadded=packed is not None)

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        with serving_as(self.name):
            session = open_session(path)

        def run(inputs: Example) -> dict[str, npt.NDArray[np.float32]]:
            with serving_as(self.name):
                return dict(zip(output_names, session.run(list(output_names), inputs), strict=True))

        return run


def _recipes(
    proto: onnx.ModelProto, example: Example, precision: str
) -> Iterator[tuple[str, onnx.ModelProto]]:
    """The graph in a precision: each way's name, and what comes of it."""
    if precision == "fp32":
        yield "fp32", proto
    elif precision == "fp16":
        yield "fp16", _half(proto)
    else:
        yield "int8", quantize_per_token(proto)
        errors = int8_errors(proto, example)
        for recipe, share in INT8_SPARING.items():
            yield recipe, quantize_per_token(proto, spared=worst(errors, share))


def _packed(packed: PackedGraph, example: Example) -> onnx.ModelProto:
    """Exported for any number of rows and tokens, and finding its packing itself."""
    rows, names = tensors(example), packed.served.all_names
    tokens, longest = _any("tokens"), _any("longest")
    of_packing = ({0: tokens}, {0: tokens}, {0: _any("batch"), 1: longest}, {0: _any("batch")})
    proto = _exported(
        packed,
        {**{name: rows[name] for name in names}, **pack(rows["attention_mask"])._asdict()},
        [*({0: _any("batch")} for _ in names), *of_packing],
    )
    weave(proto)
    return proto


def _padded(graph: ServedGraph, example: Example) -> onnx.ModelProto:
    """Exported for any number and length of rows, which it cuts to the longest itself."""
    longest = int(example["attention_mask"].sum(axis=1).max())
    rows = {
        name: tensor[:, :longest] if name in graph.input_names else tensor
        for name, tensor in tensors(example).items()
    }
    proto = _exported(
        graph,
        {name: rows[name].clone() for name in graph.all_names},
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


def _half(proto: onnx.ModelProto) -> onnx.ModelProto:
    """FP16 weights and arithmetic behind inputs and outputs that keep their types."""
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    converted: onnx.ModelProto = convert_float_to_float16(
        proto, keep_io_types=True, disable_shape_infer=True, node_block_list=position_nodes(proto)
    )
    return converted
