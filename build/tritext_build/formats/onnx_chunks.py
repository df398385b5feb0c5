# mypy: ignore-errors
# ruff: noqa: ANN201, F821
# Python's syntax stands for ONNX's operators here, and annotations for shapes: neither is what type checkers expect.
"""Attention on packed tokens without a loop, for runtimes that loop slowly: as functions of standard ONNX operators.

Rows, the shortest first, are cut into four chunks of as many rows each; a chunk is padded to its own longest row, and its
places are called slots. A few rows make chunks without any, which compute nothing.
"""

from onnxscript import FLOAT, INT64, script
from onnxscript import opset20 as op
from onnxscript.values import Opset

from .onnx_functions import DOMAIN, DOMAIN_VERSION, MASKED

own = Opset(DOMAIN, DOMAIN_VERSION)

CHUNKS = 4
"""More cost a lone row more than they save many."""

ROUND = 32
"""Packed tokens are filled up to a multiple of it: what is compiled for one number of tokens is used again."""


@script(own, default_opset=op)
def missing(lengths: INT64["rows"]):
    """INT64 [1]: how many tokens are filled up."""
    one, size = op.Constant(value_ints=[1]), op.Constant(value_ints=[ROUND])
    tokens = op.ReduceSum(lengths, op.Constant(value_ints=[0]), keepdims=1)
    return (tokens + size - one) / size * size - tokens


@script(own, default_opset=op)
def pack_in_rounds(attention_mask: INT64["rows", "width"]):
    """The fields of a `Packing`, filled up by tokens that no place refers to."""
    tokens, columns, places, lengths = own.pack(attention_mask)
    filling = op.Expand(op.Constant(value_ints=[0]), own.missing(lengths))
    return op.Concat(tokens, filling, axis=0), op.Concat(columns, filling, axis=0), places, lengths


@script(own, default_opset=op)
def chunk(lengths: INT64["rows"], number: int):
    """One of the chunks of packed rows.

    slots INT64 [its rows, its longest]: the packed token in each slot; of padding, its row's last. bias FLOAT [its rows,
    1, 1, its longest]: what is added to logits. is_real BOOL [slots]: whether a slot is no padding.
    """
    zero, one = op.Constant(value_ints=[0]), op.Constant(value_ints=[1])
    first, step = op.Constant(value_int=0), op.Constant(value_int=1)
    chunks = op.Constant(value_ints=[CHUNKS])
    rows, before = op.Shape(lengths), op.Constant(value_ints=[0]) + op.Constant(value_int=number)
    start, end = rows * before / chunks, rows * (before + one) / chunks
    length = op.Slice(lengths, start, end, zero)
    starts = op.Slice(op.CumSum(lengths, first) - lengths, start, end, zero)
    longest = op.ReduceMax(op.Concat(length, one, axis=0), keepdims=0)
    every_column = op.Unsqueeze(op.Range(first, longest, step), zero)
    is_real = every_column < op.Unsqueeze(length, one)
    slots = op.Unsqueeze(starts, one) + op.Min(every_column, op.Unsqueeze(length - one, one))
    open_, masked = op.Constant(value_float=0.0), op.Constant(value_float=MASKED)
    bias = op.Unsqueeze(op.Where(is_real, open_, masked), op.Constant(value_ints=[1, 2]))
    return slots, bias, op.Reshape(is_real, op.Constant(value_ints=[-1]))


@script(own, default_opset=op)
def group_in_chunks(lengths: INT64["rows"]):
    """All chunks, and the slot of each packed token, INT64 [tokens], where they stand one behind another; the first for those filled up."""
    slots_0, bias_0, is_real_0 = own.chunk(lengths, number=0)
    slots_1, bias_1, is_real_1 = own.chunk(lengths, number=1)
    slots_2, bias_2, is_real_2 = own.chunk(lengths, number=2)
    slots_3, bias_3, is_real_3 = own.chunk(lengths, number=3)
    is_real = op.Concat(is_real_0, is_real_1, is_real_2, is_real_3, axis=0)
    zero = op.Constant(value_ints=[0])
    real_slots = op.Squeeze(op.NonZero(is_real), zero)
    token_slots = op.Concat(real_slots, op.Expand(zero, own.missing(lengths)), axis=0)
    return slots_0, slots_1, slots_2, slots_3, bias_0, bias_1, bias_2, bias_3, token_slots


@script(own, default_opset=op)
def attend_chunk(
    query: FLOAT["tokens", "hidden"],
    key: FLOAT["tokens", "hidden"],
    value: FLOAT["tokens", "hidden"],
    slots: INT64["rows", "longest"],
    bias: FLOAT["rows", 1, 1, "longest"],
    size: INT64[1],
    heads: int,
    window: int,
):
    """Attention of a chunk's tokens, each to those of its own row, [slots, hidden]; `size` is that of a head."""
    one = op.Constant(value_ints=[1])
    head_count = op.Constant(value_ints=[0]) + op.Constant(value_int=heads)
    by_head = op.Concat(op.Shape(slots), head_count, size, axis=0)
    q = op.Transpose(op.Reshape(op.Gather(query, slots), by_head, allowzero=1), perm=[0, 2, 1, 3])
    k = op.Transpose(op.Reshape(op.Gather(key, slots), by_head, allowzero=1), perm=[0, 2, 3, 1])
    v = op.Transpose(op.Reshape(op.Gather(value, slots), by_head, allowzero=1), perm=[0, 2, 1, 3])
    if op.Constant(value_int=window) > 0:
        longest = op.Squeeze(op.Shape(slots, start=1, end=2))
        places = op.Range(op.Constant(value_int=0), longest, op.Constant(value_int=1))
        distance = op.Abs(op.Unsqueeze(places, one) - places)
        open_, masked = op.Constant(value_float=0.0), op.Constant(value_float=MASKED)
        mask = bias + op.Where(distance < op.Constant(value_int=window), open_, masked)
    else:
        mask = op.Identity(bias)
    weights = op.Softmax(op.MatMul(q, k) + mask, axis=-1)
    rows_again = op.Transpose(op.MatMul(weights, v), perm=[0, 2, 1, 3])
    slot_count = op.Reshape(op.Size(slots), one)
    return op.Reshape(rows_again, op.Concat(slot_count, head_count * size, axis=0), allowzero=1)


@script(own, default_opset=op)
def attention_in_chunks(
    query: FLOAT[1, "tokens", "hidden"],
    key: FLOAT[1, "tokens", "hidden"],
    value: FLOAT[1, "tokens", "hidden"],
    slots_0: INT64["rows_0", "longest_0"],
    slots_1: INT64["rows_1", "longest_1"],
    slots_2: INT64["rows_2", "longest_2"],
    slots_3: INT64["rows_3", "longest_3"],
    bias_0: FLOAT["rows_0", 1, 1, "longest_0"],
    bias_1: FLOAT["rows_1", 1, 1, "longest_1"],
    bias_2: FLOAT["rows_2", 1, 1, "longest_2"],
    bias_3: FLOAT["rows_3", 1, 1, "longest_3"],
    token_slots: INT64["tokens"],
    heads: int,
    scale: float,
    window: int,
):
    """Attention of each token to those of its own row, [1, tokens, hidden]; `window` as in `Heads`."""
    zero = op.Constant(value_ints=[0])
    size = op.Shape(query, start=2, end=3) / (op.Constant(value_ints=[0]) + op.Constant(value_int=heads))
    q = op.Squeeze(query, zero) * op.Constant(value_float=scale)
    k, v = op.Squeeze(key, zero), op.Squeeze(value, zero)
    attended = op.Concat(
        own.attend_chunk(q, k, v, slots_0, bias_0, size, heads=heads, window=window),
        own.attend_chunk(q, k, v, slots_1, bias_1, size, heads=heads, window=window),
        own.attend_chunk(q, k, v, slots_2, bias_2, size, heads=heads, window=window),
        own.attend_chunk(q, k, v, slots_3, bias_3, size, heads=heads, window=window),
        axis=0,
    )
    return op.Unsqueeze(op.Gather(attended, token_slots), zero)
