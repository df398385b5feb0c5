"""Packed tokens: nothing is computed on padding, and no row knows its neighbours."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from tests.support.families import FAMILIES, MAX_LENGTH, make
from tritext_build.checkpoint import open_checkpoint
from tritext_build.formats import FORMATS
from tritext_build.formats.onnx_functions import DOMAIN, DOMAIN_VERSION
from tritext_build.formats.onnx_packing import IN_A_LOOP, IN_CHUNKS, Grouping
from tritext_build.graph import ServedGraph, served_graph, tensors
from tritext_build.packing import (
    Heads,
    Packing,
    Reduced,
    _at_once,
    by_row,
    by_row_reduced,
    pack,
    packed_graph,
)
from tritext_build.tasks.task import DEFAULT_OPTIONS

Array = npt.NDArray[Any]
RNG = np.random.default_rng(11)

OF_THEIR_OWN = {"mpnet", "deberta", "deberta-v2", "deberta-v3"}
"""Families whose attention, by relative positions, does not come through transformers' interface."""

LENGTHS = {
    "one": [7],
    "empty": [0],
    "of one length": [5] * 9,
    "short": [2, 16, 3, 9],
    "the longest first": [64, 2, 33, 17],
    "some empty": [0, 12, 0, 64],
    "many": [int(length) for length in RNG.integers(1, 65, size=64)],
}


def mask_of(lengths: list[int], width: int = 64) -> npt.NDArray[np.int64]:
    return (np.arange(width) < np.array(lengths)[:, None]).astype(np.int64)


def graph_of(family: str) -> ServedGraph:
    checkpoint, model = open_checkpoint(str(make(Path(mkdtemp()), family=family, head="single-label")))
    return served_graph(checkpoint, model, checkpoint.task.blueprint(checkpoint, DEFAULT_OPTIONS))


def rows_of(graph: ServedGraph, lengths: list[int]) -> dict[str, npt.NDArray[np.int64]]:
    mask = mask_of(lengths, MAX_LENGTH)
    ids = RNG.integers(10, 60, size=mask.shape) * mask
    rows = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
    return {name: rows[name] for name in graph.input_names}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore")
def test_a_family_is_packed_unless_its_attention_is_its_own(family: str) -> None:
    graph = graph_of(family)
    packed = packed_graph(graph, by_row, tensors(rows_of(graph, [3, MAX_LENGTH, 8])))
    assert (packed is None) == (family in OF_THEIR_OWN)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore")
def test_torchscript_computes_where_its_inputs_are(tmp_path: Path, family: str) -> None:
    """A trace keeps the devices that it was made on, and would not run on a GPU."""
    graph = graph_of(family)
    path = tmp_path / "model.pt"
    next(FORMATS["torchscript"].exports(graph, rows_of(graph, [3, 20, 8]), path, "fp32"))
    nodes = torch.jit.load(str(path)).inlined_graph.nodes()  # type: ignore[no-untyped-call]
    kept = [
        node
        for node in nodes
        if node.kind() == "prim::Constant" and node.output().type().kind() == "DeviceObjType"
    ]
    assert not kept


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("family", ["roberta", "modernbert"])
@pytest.mark.filterwarnings("ignore")
def test_what_stands_in_padding_changes_no_bit(tmp_path: Path, family: str, form: str) -> None:
    graph = graph_of(family)
    path = tmp_path / FORMATS[form].filename
    export = next(FORMATS[form].exports(graph, rows_of(graph, [3, 20, 8]), path, "fp32"))
    assert export.unpadded
    rows = rows_of(graph, [2, MAX_LENGTH - 1, 5])
    littered = {name: row.copy() for name, row in rows.items()}
    littered["input_ids"][rows["attention_mask"] == 0] = 42
    run = FORMATS[form].load(path, graph.output_names)
    clean, dirty = run(rows), run(littered)
    for name in graph.output_names:
        np.testing.assert_array_equal(clean[name], dirty[name])


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.filterwarnings("ignore")
def test_a_row_is_the_same_alone_and_in_batches_of_any_size(tmp_path: Path, form: str) -> None:
    graph = graph_of("bert")
    path = tmp_path / FORMATS[form].filename
    next(FORMATS[form].exports(graph, rows_of(graph, [3, 20, 8]), path, "fp32"))
    run = FORMATS[form].load(path, graph.output_names)
    rows = rows_of(graph, [2, MAX_LENGTH, *RNG.integers(2, MAX_LENGTH, size=62)])
    alone = np.concatenate(
        [run({name: row[at : at + 1] for name, row in rows.items()})["probabilities"] for at in range(64)]
    )
    for size in (2, 3, 8, 33, 64):
        together = run({name: row[:size] for name, row in rows.items()})["probabilities"]
        np.testing.assert_allclose(together, alone[:size], rtol=0, atol=1e-5)


# ---- the functions


def run_functions(
    grouping: Grouping, mask: npt.NDArray[np.int64], query: Array, *, heads: int, window: int
) -> dict[str, Array]:
    """Packing, grouping, and attention of [1, tokens, hidden] with itself, in ONNX Runtime."""
    nodes = [
        helper.make_node(grouping.pack.name, ["mask"], Packing._fields, domain=DOMAIN),
        helper.make_node(grouping.group.name, ["lengths"], grouping.groups, domain=DOMAIN),
        helper.make_node(
            grouping.attention.name,
            ["x", "x", "x", *grouping.groups],
            ["y"],
            domain=DOMAIN,
            heads=heads,
            scale=0.25,
            window=window,
        ),
    ]
    inputs = [
        helper.make_tensor_value_info("mask", TensorProto.INT64, ["rows", "width"]),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "tokens", "hidden"]),
    ]
    shapes: dict[str, Any] = {**{name: ["any"] for name in Packing._fields}, "places": ["rows", "longest"]}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in shapes.items()
    ]
    outputs.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "tokens", "hidden"]))
    functions = (*grouping.parts, grouping.pack, grouping.group, grouping.attention)
    model = helper.make_model(
        helper.make_graph(nodes, "functions", inputs, outputs),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, DOMAIN_VERSION)],
        functions=[function.to_function_proto() for function in functions],
        ir_version=10,
    )
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in outputs]
    return dict(zip(names, session.run(names, {"mask": mask, "x": query}), strict=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("window", [0, 4])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("grouping", [IN_A_LOOP, IN_CHUNKS], ids=["in a loop", "in chunks"])
def test_attention_in_onnx_and_in_torch_is_that_of_each_row_by_itself(
    grouping: Grouping, lengths: list[int], window: int
) -> None:
    mask = mask_of(lengths)
    counted = [max(length, 1) for length in lengths]
    x = RNG.normal(size=(1, sum(counted), 24)).astype(np.float32)
    answers = run_functions(grouping, mask, x, heads=3, window=window)
    places = answers["places"]
    in_order = [x[0, row[:length]] for row, length in zip(places, counted, strict=True)]
    expected = [naive(row, heads=3, scale=0.25, window=window) for row in in_order]
    for row, length, attended in zip(places, counted, expected, strict=True):
        np.testing.assert_allclose(answers["y"][0, row[:length]], attended, rtol=0, atol=1e-5)

    packing = pack(torch.from_numpy(mask))
    packed = torch.from_numpy(np.concatenate(in_order)).view(1, -1, 3, 8).transpose(1, 2)
    y = by_row(Heads(packed, packed, packed, 0.25, window), packing).transpose(1, 2).flatten(2)[0]
    np.testing.assert_allclose(y.numpy(), np.concatenate(expected), rtol=0, atol=1e-5)


def test_attention_in_fewer_bits_starts_with_rows_of_some_length() -> None:
    packing = pack(torch.from_numpy(mask_of([3, 9, 8])))
    query, key, value = (torch.randn(1, 3, 20, 8) for _ in range(3))
    heads = Heads(query, key, value, 0.3, 0)
    exact, reduced = by_row(heads, packing), by_row_reduced(Reduced(torch.bfloat16, 9))(heads, packing)
    short = torch.tensor([*range(3), *range(12, 20)])
    assert torch.equal(exact[:, :, short], reduced[:, :, short])
    assert not torch.equal(exact, reduced)
    torch.testing.assert_close(reduced, exact, rtol=0.02, atol=0.02)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_attention_on_a_gpu_is_a_call_that_its_kernel_knows(dtype: torch.dtype) -> None:
    """Its shapes alone, on a device without numbers: what stands in them only a GPU can say."""
    heads = torch.empty(1, 17, 12, 32, device="meta").transpose(1, 2)
    lengths = torch.empty(3, dtype=torch.int64, device="meta")
    for attend in (_at_once, torch.jit.script(_at_once)):
        attended = attend((heads, heads, heads, 0.3, 0), lengths, 9, dtype)
        assert attended.shape == heads.shape
        assert attended.dtype == torch.float32


def naive(x: Array, *, heads: int, scale: float, window: int) -> Array:
    """Softmax attention of one row [tokens, hidden] with itself, token by token seen within `window`."""
    parts = []
    for part in np.split(x.astype(np.float64), heads, axis=1):
        logits = part @ part.T * scale
        if window:
            apart = np.abs(np.arange(len(x))[:, None] - np.arange(len(x)))
            logits[apart >= window] = -np.inf
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        parts.append(weights / weights.sum(axis=1, keepdims=True) @ part)
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_both_packings_find_each_token_once_and_bring_it_back(lengths: list[int]) -> None:
    mask = mask_of(lengths)
    counted = np.maximum(lengths, 1)
    x = np.zeros((1, counted.sum(), 8), np.float32)
    found = run_functions(IN_A_LOOP, mask, x, heads=1, window=0)
    in_onnx = Packing(*(torch.from_numpy(found[name]) for name in Packing._fields))
    for packing in (in_onnx, pack(torch.from_numpy(mask))):
        assert sorted(packing.lengths.tolist()) == sorted(counted.tolist())
        for row, (places, length) in enumerate(zip(packing.places, counted.tolist(), strict=True)):
            own = torch.arange(length)
            assert torch.equal(packing.tokens[places[:length]], row * mask.shape[1] + own)
            assert torch.equal(packing.columns[places[:length]], own)
            assert torch.equal(places[length:], places[length - 1].expand(len(places) - length))
    assert (in_onnx.lengths.diff() >= 0).all()
