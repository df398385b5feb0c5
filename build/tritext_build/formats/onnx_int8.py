"""int8 whose answers do not depend on their neighbours: weights per output channel, activations per token.

ONNX's DynamicQuantizeLinear takes one scale over the whole batch, so a text's score changes with the texts
beside it. Here every token has a scale of its own, as in LLM.int8() (Dettmers et al. 2022, section 2.1,
row-wise quantization: https://arxiv.org/abs/2208.07339), in operators of the ONNX standard only.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

LEVELS = 127
"""Symmetric int8: -127 to 127."""

SMALLEST = 1e-10
"""A row of zeros still needs a scale to divide by."""

GELU_LEAST = -0.17
"""Gelu never goes below this (its minimum is -0.16997), so all 8 bits go to what lies above."""

CONSTANTS: dict[str, npt.NDArray[np.generic]] = {
    "tritext_int8_weight_zero": np.array(0, np.int8),
    "tritext_int8_smallest": np.array(SMALLEST, np.float32),
    "tritext_int8_one": np.array(1, np.float32),
    "tritext_int8_last_axis": np.array([-1], np.int64),
    "tritext_int8_symmetric_zero": np.array(128, np.uint8),
    "tritext_int8_symmetric_step": np.array(1 / LEVELS, np.float32),
    "tritext_int8_gelu_zero": np.array(0, np.uint8),
    "tritext_int8_gelu_step": np.array(1 / 255, np.float32),
    "tritext_int8_gelu_rise": np.array(-GELU_LEAST, np.float32),
}


@dataclass(frozen=True)
class Product:
    """One product of activations with a constant matrix, `y = x @ w`; `gelu`: x comes out of a Gelu."""

    x: str
    w: TensorProto
    y: str
    gelu: bool

    @property
    def kind(self) -> str:
        return "tritext_int8_gelu" if self.gelu else "tritext_int8_symmetric"

    def nodes(self) -> Iterator[NodeProto]:
        """`y` from the quantized rows of `x`; activations are uint8, which CPUs multiply fastest."""
        x, w, y = self.x, self.w.name, self.y
        zeros = [f"{self.kind}_zero", "tritext_int8_weight_zero"]
        yield helper.make_node("MatMulInteger", [f"{x}_int8", f"{w}_int8", *zeros], [f"{y}_int32"])
        yield helper.make_node("Cast", [f"{y}_int32"], [f"{y}_fp32"], to=TensorProto.FLOAT)
        yield helper.make_node("Mul", [f"{y}_fp32", f"{w}_scale"], [f"{y}_columns"])
        yield helper.make_node("Mul", [f"{y}_columns", f"{x}_scale"], [f"{y}_risen" if self.gelu else y])
        if self.gelu:
            yield helper.make_node("Add", [f"{y}_risen", f"{w}_fall"], [y])

    def quantized_rows(self) -> Iterator[NodeProto]:
        """Every row of `x` as 8-bit integers and one scale."""
        x = self.x
        # From Gelu: x + 0.17 over [0, largest]; otherwise |x| over [0, largest], both in steps of the scale.
        lifted = f"{x}_lifted"
        if self.gelu:
            yield helper.make_node("Add", [x, f"{self.kind}_rise"], [lifted])
        else:
            yield helper.make_node("Abs", [x], [lifted])
        yield helper.make_node("ReduceMax", [lifted, "tritext_int8_last_axis"], [f"{x}_max"], keepdims=1)
        yield helper.make_node("Max", [f"{x}_max", "tritext_int8_smallest"], [f"{x}_positive"])
        yield helper.make_node("Mul", [f"{x}_positive", f"{self.kind}_step"], [f"{x}_scale"])
        yield helper.make_node("Div", [lifted if self.gelu else x, f"{x}_scale"], [f"{x}_steps"])
        yield helper.make_node(
            "QuantizeLinear", [f"{x}_steps", "tritext_int8_one", f"{self.kind}_zero"], [f"{x}_int8"]
        )

    def quantized_weight(self) -> Iterator[TensorProto]:
        """The weight [in, out] as int8, one scale per output column, and what lifting `x` added to `y`."""
        values = numpy_helper.to_array(self.w)
        scale = np.maximum(np.abs(values).max(axis=0), SMALLEST) / LEVELS
        rounded = np.clip(np.round(values / scale), -LEVELS, LEVELS).astype(np.int8)
        yield numpy_helper.from_array(rounded, f"{self.w.name}_int8")
        yield numpy_helper.from_array(scale.astype(np.float32), f"{self.w.name}_scale")
        if self.gelu:
            fall = GELU_LEAST * values.sum(axis=0, dtype=np.float64)
            yield numpy_helper.from_array(fall.astype(np.float32), f"{self.w.name}_fall")


def products_of(proto: onnx.ModelProto) -> tuple[str, ...]:
    """The products that can be int8, by the names of their outputs."""
    return tuple(product.y for product in _products(proto.graph))


def quantize_per_token(proto: onnx.ModelProto, *, spared: Collection[str] = ()) -> onnx.ModelProto:
    """A copy in which every product of activations with a constant matrix has its int8 form.

    Embeddings, norms, attention products, biases and the heads (which are Gemm) stay FP32, and so do the
    `spared` products, which are named by their outputs.
    """
    chosen = {product.y: product for product in _products(proto.graph) if product.y not in spared}

    def forms(node: NodeProto) -> Iterator[NodeProto]:
        product = chosen.get(node.output[0])
        return product.nodes() if product else iter([node])

    return _rewritten(proto, chosen, forms, dropped={product.w.name for product in chosen.values()})


def switchable(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which every product has both forms, and an input BOOL [] called `switch_of` it that chooses int8."""
    chosen = {product.y: replace(product, y=f"{product.y}_quantized") for product in _products(proto.graph)}

    def forms(node: NodeProto) -> Iterator[NodeProto]:
        name = node.output[0]
        if name not in chosen:
            yield node
            return
        yield from chosen[name].nodes()
        yield helper.make_node("MatMul", node.input, [f"{name}_exact"])
        yield helper.make_node("Where", [switch_of(name), f"{name}_quantized", f"{name}_exact"], [name])

    both = _rewritten(proto, chosen, forms, dropped=set())
    both.graph.input.extend(
        helper.make_tensor_value_info(switch_of(name), TensorProto.BOOL, []) for name in chosen
    )
    return both


def switch_of(product: str) -> str:
    """The input that chooses a product's form, which is named by its output."""
    return f"tritext_switch_{product}"


def _rewritten(
    proto: onnx.ModelProto,
    chosen: Mapping[str, Product],
    forms: Callable[[NodeProto], Iterator[NodeProto]],
    *,
    dropped: Collection[str],
) -> onnx.ModelProto:
    """A copy with each node in its `forms`, the `chosen` products' rows and weights as integers, some weights dropped."""
    nodes: list[NodeProto] = []
    quantized: set[str] = set()
    for node in proto.graph.node:
        product = chosen.get(node.output[0])
        if product and product.x not in quantized:
            nodes.extend(product.quantized_rows())
            quantized.add(product.x)
        nodes.extend(forms(node))
    tensors = [tensor for tensor in proto.graph.initializer if tensor.name not in dropped]
    tensors += [tensor for product in chosen.values() for tensor in product.quantized_weight()]
    tensors += [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items()]
    copied = onnx.ModelProto()
    copied.CopyFrom(proto)
    del copied.graph.node[:], copied.graph.initializer[:]
    copied.graph.node.extend(nodes)
    copied.graph.initializer.extend(tensors)
    return copied


def _products(graph: onnx.GraphProto) -> Iterator[Product]:
    weights = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2}  # noqa: PLR2004
    uses = [name for node in graph.node for name in node.input]
    from_gelu = {node.output[0] for node in graph.node if node.op_type == "Gelu"}
    for node in graph.node:
        # A weight with several uses, such as tied embeddings, must stay what it is for the others.
        if node.op_type == "MatMul" and node.input[1] in weights and uses.count(node.input[1]) == 1:
            yield Product(node.input[0], weights[node.input[1]], node.output[0], node.input[0] in from_gelu)
