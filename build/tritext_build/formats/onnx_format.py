"""ONNX: exported by torch's own exporter, with Triton's backend `onnxruntime`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch

from tritext_build.graph import ServedGraph

from .boundary import serving_as
from .format import EXAMPLE_ROWS, RunGraph
from .onnx_int8 import quantize_per_token
from .onnx_sensitivity import most_sensitive
from .onnx_surgery import fix_width, position_nodes, save

OPSET = 20
"""The first operator set with Gelu; NVIDIA's containers read it since 24.01."""


INT8_SPARING = {"int8, fp32 where it hurts most": 0.75, "int8, fp32 wherever it hurts": 0.95}
"""Recipe to the share of int8's error that is spared."""


class OnnxFormat:
    """Exported with eager attention, whose graph is the smallest."""

    name = "onnx"
    backend = "onnxruntime"
    filename = "model.onnx"
    recipes: Mapping[str, tuple[str, ...]] = MappingProxyType(
        {"fp32": ("fp32",), "int8": ("int8", *INT8_SPARING), "fp16": ("fp16",)}
    )
    example_rows = EXAMPLE_ROWS
    spare_rows = 0

    def parameters(self, precision: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for all of them
        return {"intra_op_thread_count": "1", "inter_op_thread_count": "1"}

    def input_names(self, names: Sequence[str]) -> list[str]:
        return list(names)

    output_names = input_names

    def export(
        self, graph: ServedGraph, example: dict[str, npt.NDArray[np.int64]], path: Path, recipe: str
    ) -> None:
        with serving_as(self.name):
            proto = _export(graph, example)
        if recipe.startswith("int8"):
            share = INT8_SPARING.get(recipe, 0)
            quantize_per_token(proto, spared=most_sensitive(proto, _cut(example, graph), share=share))
        elif recipe == "fp16":
            proto = _half(proto)
        fix_width(proto, inputs=graph.input_names, width=example["input_ids"].shape[1])
        save(proto, path)

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with serving_as(self.name):
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

        def run(inputs: dict[str, npt.NDArray[np.int64]]) -> dict[str, npt.NDArray[np.float32]]:
            with serving_as(self.name):
                return dict(zip(output_names, session.run(list(output_names), inputs), strict=True))

        return run


def fixed_width_proto(graph: ServedGraph, example: dict[str, npt.NDArray[np.int64]]) -> onnx.ModelProto:
    """The graph in FP32 as this format writes it, for formats that start from ONNX.

    Raises:
        CannotServe: The exporter does not know something that the model does.
    """
    with serving_as(OnnxFormat.name):
        proto = _export(graph, example)
    fix_width(proto, inputs=graph.input_names, width=example["input_ids"].shape[1])
    return proto


def _export(graph: ServedGraph, example: dict[str, npt.NDArray[np.int64]]) -> onnx.ModelProto:
    """Export with a free batch size and a free length."""
    graph.model.set_attn_implementation("eager")  # type: ignore[operator]
    cut = _cut(example, graph)
    batch, length = torch.export.Dim("batch", max=4096), torch.export.Dim("length", max=1 << 20)
    free = [{0: batch, 1: length} for _ in graph.input_names] + [{0: batch} for _ in graph.extra_names]
    program = torch.onnx.export(
        graph.eval(),
        tuple(torch.from_numpy(cut[name]) for name in graph.all_names),
        dynamo=True,
        dynamic_shapes=(tuple(free),),
        input_names=list(graph.all_names),
        output_names=list(graph.output_names),
        opset_version=OPSET,
    )
    proto: onnx.ModelProto = program.model_proto  # type: ignore[union-attr]
    del proto.graph.value_info[:]
    return proto


def _cut(example: dict[str, npt.NDArray[np.int64]], graph: ServedGraph) -> dict[str, npt.NDArray[np.int64]]:
    """The rows without the columns in which all are padding."""
    longest = int(example["attention_mask"].sum(axis=1).max())
    return {**example, **{name: example[name][:, :longest].copy() for name in graph.input_names}}


def _half(proto: onnx.ModelProto) -> onnx.ModelProto:
    """FP16 weights and arithmetic behind inputs and outputs that keep their types."""
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    converted: onnx.ModelProto = convert_float_to_float16(
        proto, keep_io_types=True, disable_shape_infer=True, node_block_list=position_nodes(proto)
    )
    return converted
