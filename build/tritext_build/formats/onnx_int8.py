"""int8 whose answers do not depend on their neighbours: weights per output channel, activations per token.

ONNX's DynamicQuantizeLinear takes one scale over the whole batch, so a text's score changes with the texts
beside it. Here every token has a scale of its own, as in LLM.int8() (Dettmers et al. 2022, section 2.1,
row-wise quantization: https://arxiv.org/abs/2208.07339), in operators of the ONNX standard only.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

LEVELS = 127
"""Symmetric int8: -127 to 127."""

SMALLEST = 1e-10
"""A row of zeros still needs a scale to divide by."""

CONSTANTS: dict[str, npt.NDArray[np.generic]] = {
    "tritext_int8_zero": np.array(128, np.uint8),
    "tritext_int8_weight_zero": np.array(0, np.int8),
    "tritext_int8_levels": np.array(1 / LEVELS, np.float32),
    "tritext_int8_smallest": np.array(SMALLEST, np.float32),
    "tritext_int8_one": np.array(1, np.float32),
    "tritext_int8_last_axis": np.array([-1], np.int64),
}


def quantize_per_token(proto: onnx.ModelProto) -> int:
    """Replace, in place, every product of activations with a constant matrix by its int8 form.

    Embeddings, norms, attention products and the biases stay FP32.

    Returns:
        How many products were replaced.
    """
    graph = proto.graph
    weights = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2}  # noqa: PLR2004
    quantized: set[str] = set()
    nodes: list[NodeProto] = []
    replaced: set[str] = set()
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            nodes.append(node)
            continue
        activations, weight = node.input
        if activations not in quantized:
            nodes.extend(_quantize_rows(activations))
            quantized.add(activations)
        nodes.extend(_product(activations, weight, node.output[0]))
        replaced.add(weight)
    kept = [tensor for tensor in graph.initializer if tensor.name not in replaced]
    quantized_weights = [tensor for name in sorted(replaced) for tensor in _quantize_weight(weights[name])]
    constants = [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items()]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *quantized_weights, *constants])
    return len(replaced)


def _quantize_rows(x: str) -> Iterator[NodeProto]:
    """Each row of `x` divided by its largest magnitude / 127, as uint8 around 128, which CPUs multiply fastest."""
    yield helper.make_node("Abs", [x], [f"{x}_abs"])
    yield helper.make_node("ReduceMax", [f"{x}_abs", "tritext_int8_last_axis"], [f"{x}_max"], keepdims=1)
    yield helper.make_node("Max", [f"{x}_max", "tritext_int8_smallest"], [f"{x}_positive"])
    yield helper.make_node("Mul", [f"{x}_positive", "tritext_int8_levels"], [f"{x}_scale"])
    yield helper.make_node("Div", [x, f"{x}_scale"], [f"{x}_scaled"])
    yield helper.make_node(
        "QuantizeLinear", [f"{x}_scaled", "tritext_int8_one", "tritext_int8_zero"], [f"{x}_int8"]
    )


def _product(x: str, weight: str, output: str) -> Iterator[NodeProto]:
    zeros = ["tritext_int8_zero", "tritext_int8_weight_zero"]
    yield helper.make_node("MatMulInteger", [f"{x}_int8", f"{weight}_int8", *zeros], [f"{output}_int32"])
    yield helper.make_node("Cast", [f"{output}_int32"], [f"{output}_fp32"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [f"{output}_fp32", f"{weight}_scale"], [f"{output}_columns"])
    yield helper.make_node("Mul", [f"{output}_columns", f"{x}_scale"], [output])


def _quantize_weight(tensor: TensorProto) -> Iterator[TensorProto]:
    """The weight [in, out] as int8 with one scale per output column."""
    values = numpy_helper.to_array(tensor)
    scale = np.maximum(np.abs(values).max(axis=0), SMALLEST) / LEVELS
    rounded = np.clip(np.round(values / scale), -LEVELS, LEVELS).astype(np.int8)
    yield numpy_helper.from_array(rounded, f"{tensor.name}_int8")
    yield numpy_helper.from_array(scale.astype(np.float32), f"{tensor.name}_scale")
