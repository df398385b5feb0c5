"""Rows that are padding throughout are not computed: a backend that fills up every batch then costs what its rows cost.

Triton's OpenVINO backend pads each batch with rows of zeros to `max_batch_size`, behind the real ones.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

CONSTANTS = {
    "tritext_rows_first": np.array([0], np.int64),
    "tritext_rows_second": np.array([1], np.int64),
    "tritext_rows_end": np.array([np.iinfo(np.int64).max], np.int64),
    "tritext_rows_zero": np.array(0, np.int64),
    "tritext_rows_one": np.array(1, np.int64),
}


def drop_empty_rows(proto: onnx.ModelProto, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Compute, in place, only the rows before the last one with a token; the outputs of the others are zeros.

    `inputs` and `outputs` have the batch as their first dimension; `attention_mask` is among the inputs.
    """
    nodes = list(proto.graph.node)
    for node in nodes:
        for index, name in enumerate(node.input):
            if name in inputs:
                node.input[index] = f"{name}_real"
        for index, name in enumerate(node.output):
            if name in outputs:
                node.output[index] = f"{name}_real"
    del proto.graph.node[:]
    proto.graph.node.extend([*_counted(), *map(_sliced, inputs), *nodes])
    for name in outputs:
        proto.graph.node.extend(_filled_up(name))
    proto.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in CONSTANTS.items())


def _counted() -> list[onnx.NodeProto]:
    """`tritext_rows` [1], how many rows are computed, at least one; `tritext_places` [rows, 1], where they stand."""
    first, second, one = "tritext_rows_first", "tritext_rows_second", "tritext_rows_one"
    return [
        helper.make_node("ReduceMax", ["attention_mask", second], ["tritext_rows_used"], keepdims=0),
        helper.make_node("Shape", ["tritext_rows_used"], ["tritext_rows_given"]),
        helper.make_node("Squeeze", ["tritext_rows_given", first], ["tritext_rows_most"]),
        helper.make_node("Add", ["tritext_rows_most", one], ["tritext_rows_after"]),
        helper.make_node("Range", [one, "tritext_rows_after", one], ["tritext_rows_numbers"]),
        helper.make_node("Mul", ["tritext_rows_used", "tritext_rows_numbers"], ["tritext_rows_in_use"]),
        helper.make_node("ReduceMax", ["tritext_rows_in_use", first], ["tritext_rows_last"], keepdims=1),
        helper.make_node("Max", ["tritext_rows_last", second], ["tritext_rows"]),
        helper.make_node("Squeeze", ["tritext_rows", first], ["tritext_rows_count"]),
        helper.make_node("Range", ["tritext_rows_zero", "tritext_rows_count", one], ["tritext_rows_places"]),
        helper.make_node("Unsqueeze", ["tritext_rows_places", second], ["tritext_places"]),
    ]


def _sliced(name: str) -> onnx.NodeProto:
    first = "tritext_rows_first"
    return helper.make_node("Slice", [name, first, "tritext_rows", first], [f"{name}_real"])


def _filled_up(name: str) -> list[onnx.NodeProto]:
    """The output with a row for each that was given."""
    first, second, end = "tritext_rows_first", "tritext_rows_second", "tritext_rows_end"
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    return [
        helper.make_node("Shape", [f"{name}_real"], [f"{name}_real_shape"]),
        helper.make_node("Slice", [f"{name}_real_shape", second, end, first], [f"{name}_row_shape"]),
        helper.make_node("Concat", ["tritext_rows_given", f"{name}_row_shape"], [f"{name}_shape"], axis=0),
        helper.make_node("ConstantOfShape", [f"{name}_shape"], [f"{name}_empty"], value=zero),
        helper.make_node("ScatterND", [f"{name}_empty", "tritext_places", f"{name}_real"], [name]),
    ]
