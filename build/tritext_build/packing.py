"""Unpadded compute: a model runs on the real tokens of all rows, packed one behind another. Knows no file format.

Everything in an encoder but attention treats each token by itself, so it may as well see one long row. Attention comes
through transformers' interface for attention functions, where a format says how rows are told apart:
https://huggingface.co/docs/transformers/attention_interface.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AttentionInterface

from .graph import ServedGraph, TrimmedGraph

ATTENTION = "tritext_packed"
"""What transformers calls our attention function."""

SAME = 1e-4
"""How far packed outputs may lie from padded ones, in parts of outputs above 1: the same sums in another order."""

MOST_TOKENS = 2**31 - 1
"""More than a row ever has."""


class Packing(NamedTuple):
    """Where the real tokens of rows [rows, width] are.

    Attributes:
        tokens: INT64 [tokens]: each packed token's place in the flattened rows.
        columns: INT64 [tokens]: its place in its own row.
        places: INT64 [rows, longest]: the packed token of each place; where there is padding, the row's last.
        lengths: INT64 [rows]: tokens of each row, in the order in which the rows are packed.
    """

    tokens: Tensor
    columns: Tensor
    places: Tensor
    lengths: Tensor


class Heads(NamedTuple):
    """What attention gets of all packed tokens.

    Attributes:
        query: FP32 [1, heads, tokens, size]; so are `key` and `value`.
        scaling: What products of queries and keys are multiplied by.
        window: A token sees those of its row that are fewer places away; 0 is no limit.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    scaling: float
    window: int


Attend = Callable[[Heads, Packing], Tensor]
"""Attention of each token to those of its own row: FP32 [1, heads, tokens, size]."""

_Heads = tuple[Tensor, Tensor, Tensor, float, int]
"""`Heads`, as scripts know them: a trace forgets the names of tuples."""

_running: list[Callable[[Heads], Tensor]] = []


def _attention(
    _layer: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_others: Any,
) -> tuple[Tensor, None]:
    """As transformers calls attention functions; the answer is [1, tokens, heads, size]."""
    heads = Heads(query, key, value, scaling or query.shape[-1] ** -0.5, sliding_window or 0)
    return _running[-1](heads).transpose(1, 2), None


AttentionInterface.register(ATTENTION, _attention)


def pack(attention_mask: Tensor) -> Packing:
    """The packing of rows whose `attention_mask`, INT64 [rows, width], is 1 on the left and 0 on the right.

    A row without tokens counts as one of length 1.
    """
    lengths = attention_mask.sum(dim=1).clamp(min=1)
    # Not by `arange`: a trace would keep the device on which it was made.
    all_columns = (torch.ones_like(attention_mask[0]).cumsum(dim=0) - 1)[: lengths.max()]
    row, column = torch.nonzero(all_columns < lengths.unsqueeze(1)).unbind(dim=1)
    starts = (lengths.cumsum(dim=0) - lengths).unsqueeze(1)
    places = starts + torch.minimum(all_columns, lengths.unsqueeze(1) - 1)
    return Packing(row * attention_mask.shape[1] + column, column, places, lengths)


class PackedGraph(torch.nn.Module):
    """A served graph whose encoder runs on packed tokens; what stands behind the encoder gets rows again.

    `forward` takes the graph's inputs, the tokens' rows INT64 [rows, width], and then a `Packing`'s tensors.
    """

    def __init__(self, graph: ServedGraph, attend: Attend, *, last_module: str) -> None:
        super().__init__()
        self.served = graph
        self.attend = attend
        self.output_names = graph.output_names
        self.last_module = last_module

    def with_model(self, model: torch.nn.Module) -> "PackedGraph":
        """The same graph around another model."""
        return PackedGraph(self.served.with_model(model), self.attend, last_module=self.last_module)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        packing = Packing(*inputs[-len(Packing._fields) :])
        named = dict(zip(self.served.all_names, inputs, strict=False))
        rows = {name: named[name] for name in self.served.input_names}
        others = {name: named[name] for name in self.served.extra_names}
        others["attention_mask"] = rows.pop("attention_mask")[:, : packing.places.shape[1]]
        packed = {name: _packed(row, packing) for name, row in rows.items()}
        encoder = _encoder(self.served)
        packed["position_ids"] = _positions(encoder, rows["input_ids"], packing)
        with self._attending(encoder, packing), self._unpacking(encoder, packing):
            output = self.served.model(**packed, **others)
        return self.served.head(output, {**packed, **others})  # type: ignore[no-any-return]

    @contextmanager
    def _attending(self, encoder: torch.nn.Module, packing: Packing) -> Iterator[None]:
        """While it lasts, attention is ours; before and after, the model is what it was."""
        config: Any = encoder.config
        before = config._attn_implementation  # noqa: SLF001 - transformers has a method to set it, and none to ask
        _running.append(lambda heads: self.attend(heads, packing))
        try:
            self.served.model.set_attn_implementation(ATTENTION)  # type: ignore[operator]
            yield
        finally:
            self.served.model.set_attn_implementation(before)  # type: ignore[operator]
            _running.pop()

    @contextmanager
    def _unpacking(self, encoder: torch.nn.Module, packing: Packing) -> Iterator[None]:
        """While it lasts, the encoder's last hidden states, [1, tokens, hidden], become [rows, longest, hidden]."""

        def unpack(_module: torch.nn.Module, _arguments: Any, output: Any) -> Any:
            return _with_hidden(output, _hidden(output)[0][packing.places])

        hook = encoder.get_submodule(self.last_module).register_forward_hook(unpack)
        try:
            yield
        finally:
            hook.remove()


class PackingGraph(torch.nn.Module):
    """A packed graph that finds the packing itself: takes and answers what the served graph does."""

    def __init__(self, packed: PackedGraph) -> None:
        super().__init__()
        self.packed = packed
        self.mask = packed.served.input_names.index("attention_mask")

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.packed(*inputs, *pack(inputs[self.mask]))
        return outputs


def packed_graph(graph: ServedGraph, attend: Attend, rows: Mapping[str, Tensor]) -> PackedGraph | None:
    """The graph on packed tokens; None where its model cannot compute so.

    It cannot if its attention does not come through transformers' interface (relative positions, as in DeBERTa), if it
    takes no positions, or if it does anything else that crosses the borders of rows: the outputs for `rows`, the
    graph's inputs, tell.
    """
    inputs = [rows[name] for name in graph.all_names]
    if "position_ids" not in inspect.signature(_encoder(graph).forward).parameters:
        return None
    with torch.inference_mode():
        expected = TrimmedGraph(graph)(*inputs)
        try:
            packed = PackedGraph(graph, by_row, last_module=last_module(_encoder(graph)))
            outputs = PackingGraph(packed)(*inputs)
        except (AttributeError, IndexError, LookupError, RuntimeError, TypeError, ValueError):
            outputs = ()
    if len(outputs) == len(expected) and all(map(_same, outputs, expected)):
        packed.attend = attend
        return packed
    return None


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=SAME, atol=SAME)


def _encoder(graph: ServedGraph) -> torch.nn.Module:
    encoder: Any = graph.model.base_model
    return encoder  # type: ignore[no-any-return]


def _packed(row: Tensor, packing: Packing) -> Tensor:
    """Of INT64 [rows, width] the real tokens', [1, tokens]."""
    return row.flatten()[packing.tokens].unsqueeze(0)


def _positions(encoder: torch.nn.Module, input_ids: Tensor, packing: Packing) -> Tensor:
    """INT64 [1, tokens]: counted in each row, by the model itself where it does so in a way of its own."""
    embeddings: Any = getattr(encoder, "embeddings", None)
    count = getattr(embeddings, "create_position_ids_from_input_ids", None)
    if count is None:
        return packing.columns.unsqueeze(0)
    return _packed(count(input_ids, embeddings.padding_idx), packing)


def last_module(encoder: torch.nn.Module) -> str:
    """The name of the encoder's part that answers its last hidden states, found by running it on two tokens.

    Raises:
        LookupError: No part does.
    """
    seen: dict[str, Any] = {}

    def watch(name: str) -> Callable[[Any, Any, Any], None]:
        return lambda _module, _arguments, output: seen.update({name: _hidden(output)})

    hooks = [module.register_forward_hook(watch(name)) for name, module in encoder.named_children()]
    try:
        tokens = torch.zeros(1, 2, dtype=torch.int64)
        last = encoder(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    found = next((name for name, hidden in seen.items() if hidden is last), None)
    if found is None:
        raise LookupError("no part of the encoder answers its last hidden states")
    return found


def _hidden(output: Any) -> Any:
    """The hidden states in what a module answers: a tensor, or a tuple or an output of transformers that starts with them."""
    return output if isinstance(output, Tensor) else output[0]


def _with_hidden(output: Any, hidden: Tensor) -> Any:
    if isinstance(output, Tensor):
        return hidden
    if isinstance(output, tuple):
        return (hidden, *output[1:])
    output["last_hidden_state"] = hidden
    return output


class Reduced(NamedTuple):
    """Where attention multiplies in fewer bits.

    Attributes:
        dtype: In what: bf16 or fp16.
        shortest: On a processor, rows of this many tokens and more; a GPU always does.
    """

    dtype: torch.dtype
    shortest: int


NOWHERE = Reduced(torch.float32, MOST_TOKENS)
"""All in FP32, on a GPU, too."""


def by_row(heads: Heads, packing: Packing) -> Tensor:
    """Attention computed row by row, with torch's fused kernel; on a GPU of all rows at once. As an `Attend`."""
    return _attended(heads, packing, NOWHERE)


def by_row_reduced(reduced: Reduced) -> Attend:
    """`by_row` with fewer bits."""
    return lambda heads, packing: _attended(heads, packing, reduced)


def _attended(heads: Heads, packing: Packing, reduced: Reduced) -> Tensor:
    longest = packing.places.shape[1]
    attended: Tensor = _scripted()(heads, packing.lengths, longest, reduced)
    return attended


@cache
def _scripted() -> Any:
    """A script, so that a trace keeps the loop."""
    return torch.jit.script(_by_row)


def _by_row(heads: _Heads, lengths: Tensor, longest: int, reduced: tuple[torch.dtype, int]) -> Tensor:
    query, key, value, scaling, window = heads
    dtype, shortest = reduced
    if query.is_cuda and window == 0:
        return _at_once(heads, lengths, longest, dtype)
    attended: list[Tensor] = []
    start = 0
    ends: list[int] = torch.cumsum(lengths, 0).tolist()
    for end in ends:
        mask: Tensor | None = None
        if window > 0:
            places = torch.arange(end - start, device=query.device)
            mask = (places.unsqueeze(1) - places).abs() < window
        rows = [tensor[:, :, start:end] for tensor in (query, key, value)]
        if query.is_cuda or end - start >= shortest:
            rows = [row.to(dtype) for row in rows]
        answer = torch.nn.functional.scaled_dot_product_attention(
            rows[0], rows[1], rows[2], attn_mask=mask, scale=scaling
        )
        attended.append(answer.to(query.dtype))
        start = end
    return torch.cat(attended, 2)


def _at_once(heads: _Heads, lengths: Tensor, longest: int, dtype: torch.dtype) -> Tensor:
    """By CUDA's kernel for rows of different lengths, which takes where each starts: one launch, no wait for the GPU.

    torch calls it so for nested tensors (torch/nested/_internal/sdpa.py).
    """
    query, key, value, scaling, _ = heads
    ends = torch.cumsum(lengths, 0)
    borders = torch.cat([torch.zeros_like(ends[:1]), ends]).to(torch.int32)
    tokens = [tensor.transpose(1, 2).to(dtype) for tensor in (query, key, value)]
    attended: Tensor = torch.ops.aten._efficient_attention_forward(  # noqa: SLF001 - it has no other name
        *(tokens[0], tokens[1], tokens[2], None, borders, borders, longest, longest, 0.0, 0, False),
        scale=scaling,
    )[0]
    return attended.transpose(1, 2).to(query.dtype)
