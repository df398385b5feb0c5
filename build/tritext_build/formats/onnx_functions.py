# mypy: ignore-errors
# ruff: noqa: ANN201, F821
# Python's syntax stands for ONNX's operators here, and annotations for shapes: neither is what type checkers expect.
"""Functions of standard ONNX operators that compute on packed tokens; a model carries them with it.

Rows are packed the shortest first. Attention runs over groups of rows of like length, in a loop: each group is padded to
its own longest row, at most 1.42 times its shortest, and its places are called slots.

The syntax: https://onnxscript.ai. Operators: https://onnx.ai/onnx/operators.
"""

import math

import onnx
from onnxscript import BOOL, FLOAT, INT64, script
from onnxscript import opset20 as op
from onnxscript.values import Opset

DOMAIN, DOMAIN_VERSION = "tritext", 1

SHORT = 16
"""Rows of up to so many tokens are one group: their attention costs less than another round of the loop."""

PER_E_FOLD = 2 / math.log(2)
"""Groups between a length and e times that: two between a length and its double."""

MASKED = -1e4
"""Added to the logits of padding; the exponential of it is zero, also in FP16."""


@script(Opset(DOMAIN, DOMAIN_VERSION), default_opset=op)
def pack(attention_mask: INT64["rows", "width"]):
    """The fields of a `Packing`."""
    zero, one = op.Constant(value_ints=[0]), op.Constant(value_ints=[1])
    first, step = op.Constant(value_int=0), op.Constant(value_int=1)
    all_lengths = op.Max(op.ReduceSum(attention_mask, one, keepdims=0), one)
    rows = op.Shape(all_lengths)
    lengths, order = op.TopK(all_lengths, rows, largest=0)
    every_column = op.Unsqueeze(op.Range(first, op.ReduceMax(lengths, keepdims=0), step), zero)
    ends = op.CumSum(lengths, first)

    token_row, token_column = op.Split(op.NonZero(every_column < op.Unsqueeze(lengths, one)), num_outputs=2)
    columns = op.Squeeze(token_column, zero)
    width = op.Shape(attention_mask, start=1, end=2)
    tokens = op.Gather(order, op.Squeeze(token_row, zero)) * width + columns

    _, back = op.TopK(order, rows, largest=0)
    last = op.Unsqueeze(op.Gather(ends, back) - one, one)
    start = op.Unsqueeze(op.Gather(ends - lengths, back), one)
    places = op.Min(start + every_column, last)
    return tokens, columns, places, lengths


@script(Opset(DOMAIN, DOMAIN_VERSION), default_opset=op)
def group(lengths: INT64["rows"]):
    """Packed rows in groups of like length.

    slot_tokens INT64 [slots]: the packed token in each slot; of padding, its row's last. slot_is_real BOOL [slots]:
    whether it is none. token_slots INT64 [tokens]: the slot of each packed token. slot_bounds INT64 [groups + 1]: where
    groups start and end. group_rows, group_widths INT64 [groups]: how many rows each has, and its longest.
    """
    zero, one = op.Constant(value_ints=[0]), op.Constant(value_ints=[1])
    first, step = op.Constant(value_int=0), op.Constant(value_int=1)
    ratio = op.Cast(lengths, to=onnx.TensorProto.FLOAT) / op.Constant(value_float=SHORT)
    folds = op.Log(op.Max(ratio, op.Constant(value_float=1.0)))
    kind = op.Floor(folds * op.Constant(value_float=PER_E_FOLD))
    kind_before = op.Concat(
        op.Constant(value_floats=[-1.0]), op.Slice(kind, zero, op.Constant(value_ints=[-1])), axis=0
    )
    is_first = op.Not(op.Equal(kind, kind_before))
    group_starts = op.Squeeze(op.NonZero(is_first), zero)
    rows = op.Shape(lengths)
    group_ends = op.Concat(op.Slice(group_starts, one, rows), rows, axis=0)
    group_rows = group_ends - group_starts
    group_widths = op.Gather(lengths, group_ends - one)
    slot_bounds = op.Concat(zero, op.CumSum(group_rows * group_widths, first), axis=0)

    group_of_row = op.CumSum(op.Cast(is_first, to=onnx.TensorProto.INT64), first) - one
    row_width = op.Unsqueeze(op.Gather(group_widths, group_of_row), one)
    every_column = op.Unsqueeze(op.Range(first, op.ReduceMax(lengths, keepdims=0), step), zero)
    slot_row, slot_column = op.Split(op.NonZero(every_column < row_width), num_outputs=2)
    slot_row, slot_column = op.Squeeze(slot_row, zero), op.Squeeze(slot_column, zero)
    slot_length = op.Gather(lengths, slot_row)
    slot_is_real = slot_column < slot_length
    starts = op.CumSum(lengths, first) - lengths
    slot_tokens = op.Gather(starts, slot_row) + op.Min(slot_column, slot_length - one)
    token_slots = op.Squeeze(op.NonZero(slot_is_real), zero)
    return slot_tokens, slot_is_real, token_slots, slot_bounds, group_rows, group_widths


@script(Opset(DOMAIN, DOMAIN_VERSION), default_opset=op)
def attention(
    query: FLOAT[1, "tokens", "hidden"],
    key: FLOAT[1, "tokens", "hidden"],
    value: FLOAT[1, "tokens", "hidden"],
    slot_tokens: INT64["slots"],
    slot_is_real: BOOL["slots"],
    token_slots: INT64["tokens"],
    slot_bounds: INT64["bounds"],
    group_rows: INT64["groups"],
    group_widths: INT64["groups"],
    heads: int,
    scale: float,
    window: int,
):
    """Attention of each token to those of its own row, [1, tokens, hidden]; `window` as in `Heads`."""
    zero, one, rest = op.Constant(value_ints=[0]), op.Constant(value_ints=[1]), op.Constant(value_ints=[-1])
    head_count = op.Constant(value_ints=[0]) + op.Constant(value_int=heads)
    queries = op.Gather(
        op.Squeeze(query, zero) * op.CastLike(op.Constant(value_float=scale), query), slot_tokens
    )
    keys = op.Gather(op.Squeeze(key, zero), slot_tokens)
    values = op.Gather(op.Squeeze(value, zero), slot_tokens)
    open_, masked = (
        op.CastLike(op.Constant(value_float=0.0), query),
        op.CastLike(op.Constant(value_float=MASKED), query),
    )
    slot_bias = op.Where(slot_is_real, open_, masked)
    attended = op.Slice(queries, zero, zero)
    for group in range(op.Size(group_rows)):
        start = op.Unsqueeze(op.Gather(slot_bounds, group), zero)
        end = op.Unsqueeze(op.Gather(slot_bounds, group + 1), zero)
        rows = op.Unsqueeze(op.Gather(group_rows, group), zero)
        width = op.Unsqueeze(op.Gather(group_widths, group), zero)
        by_head = op.Concat(rows, width, head_count, rest, axis=0)
        q = op.Transpose(op.Reshape(op.Slice(queries, start, end), by_head), perm=[0, 2, 1, 3])
        k = op.Transpose(op.Reshape(op.Slice(keys, start, end), by_head), perm=[0, 2, 3, 1])
        v = op.Transpose(op.Reshape(op.Slice(values, start, end), by_head), perm=[0, 2, 1, 3])
        bias = op.Reshape(op.Slice(slot_bias, start, end), op.Concat(rows, one, one, width, axis=0))
        if op.Constant(value_int=window) > 0:
            places = op.Range(op.Constant(value_int=0), op.Squeeze(width), op.Constant(value_int=1))
            distance = op.Abs(op.Unsqueeze(places, one) - places)
            seen = op.Where(distance < op.Constant(value_int=window), open_, masked)
            mask = bias + seen
        else:
            mask = op.Identity(bias)
        weights = op.Softmax(op.MatMul(q, k) + mask, axis=-1)
        rows_again = op.Transpose(op.MatMul(weights, v), perm=[0, 2, 1, 3])
        attended = op.Concat(attended, op.Reshape(rows_again, op.Concat(end - start, rest, axis=0)), axis=0)
    return op.Unsqueeze(op.Gather(attended, token_slots), zero)
