"""Small operations on ONNX graphs: fixed-width inputs, and saving models of any size."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EXTERNAL_FROM = 1_900_000_000
"""Bytes of weights beyond which they go to a file of their own: protobuf ends at 2 GiB."""

INTEGERS = (TensorProto.INT32, TensorProto.INT64)


def fix_width(proto: onnx.ModelProto, *, inputs: Sequence[str], width: int) -> None:
    """Give the graph inputs of `width` columns, cut inside to the longest row of the batch.

    The longest row is the largest sum over a row of `attention_mask`; rows are padded on the right.
    """
    for node in proto.graph.node:
        for index, name in enumerate(node.input):
            if name in inputs:
                node.input[index] = f"{name}_cut"
    cut = [
        helper.make_node("ReduceSum", ["attention_mask", "tritext_columns"], ["tritext_lengths"], keepdims=0),
        helper.make_node("ReduceMax", ["tritext_lengths"], ["tritext_longest"], keepdims=1),
    ]
    cut += [
        helper.make_node(
            "Slice", [name, "tritext_zero", "tritext_longest", "tritext_columns"], [f"{name}_cut"]
        )
        for name in inputs
    ]
    nodes = [*cut, *proto.graph.node]
    others = [given for given in proto.graph.input if given.name not in inputs]
    del proto.graph.node[:], proto.graph.input[:]
    proto.graph.node.extend(nodes)
    proto.graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", width]) for name in inputs
    )
    proto.graph.input.extend(others)
    proto.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([0], np.int64), "tritext_zero"),
            numpy_helper.from_array(np.array([1], np.int64), "tritext_columns"),
        ]
    )


def position_nodes(proto: onnx.ModelProto) -> list[str]:
    """The nodes that reckon with positions, which half precision would get wrong.

    A border between two buckets of relative positions falls elsewhere when 1.999 and 2 are the same, and past 2048
    so are neighbouring tokens. They are what stands before a cast to whole numbers, a sine or a cosine, back to
    the whole numbers it came from. What sines and cosines give is declared as a float, so that a converter sees
    where to cast it.
    """
    producers = {output: node for node in proto.graph.node for output in node.output}
    angles = [node for node in proto.graph.node if node.op_type in ("Sin", "Cos")]
    waiting = angles + [node for node in proto.graph.node if _to_integers(node)]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        if node.name not in found:
            found.add(node.name)
            if node.op_type != "Shape" and (node.op_type != "Cast" or _to_integers(node)):
                waiting += [producers[name] for name in node.input if name in producers]
    proto.graph.value_info.extend(
        helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None) for node in angles
    )
    return list(found)


def _to_integers(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(
        attribute.name == "to" and attribute.i in INTEGERS for attribute in node.attribute
    )


def save(proto: onnx.ModelProto, path: Path) -> None:
    """Write a model; weights past protobuf's limit go to `<file>.data` beside it."""
    size = sum(len(tensor.raw_data) for tensor in proto.graph.initializer)
    if size < EXTERNAL_FROM:
        path.write_bytes(proto.SerializeToString())
    else:
        onnx.save(proto, str(path), save_as_external_data=True, location=f"{path.name}.data")
