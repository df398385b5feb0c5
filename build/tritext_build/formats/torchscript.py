"""TorchScript: traced, with Triton's backend `pytorch`."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tritext.processor import cpu_flags
from tritext_build.graph import ServedGraph, TrimmedGraph, tensors
from tritext_build.packing import (
    MOST_TOKENS,
    Attend,
    PackedGraph,
    PackingGraph,
    Reduced,
    by_row,
    by_row_reduced,
    packed_graph,
)

from .boundary import serving_as
from .format import EXAMPLE_ROWS, Example, Export, RunGraph
from .reduced import reduced

REDUCED = {"bf16": torch.bfloat16, "fp16": torch.float16}

LONG = 128
"""Tokens from which on attention multiplies in bf16 where the processor has AMX; without it, FP32 is as fast."""


class TorchScriptFormat:
    """Traced with scaled-dot-product attention, which torch runs fused; row by row where the model allows packed tokens.

    The names carry their position (`input_ids__0`), the convention of Triton's PyTorch backend:
    https://github.com/triton-inference-server/pytorch_backend#important-notes
    """

    name = "torchscript"
    backend = "pytorch"
    filename = "model.pt"
    precisions = ("fp32", *REDUCED)
    example_rows = EXAMPLE_ROWS
    spare_rows = 0

    def parameters(self, precision: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for all of them
        return {
            "INFERENCE_MODE": "true",
            # The profiling executor compiles anew for every shape, seconds at a time; lengths vary here.
            "DISABLE_OPTIMIZED_EXECUTION": "true",
            "INTRA_OP_THREAD_COUNT": "1",
        }

    def input_names(self, names: Sequence[str]) -> list[str]:
        return [f"{name}__{index}" for index, name in enumerate(names)]

    output_names = input_names

    def exports(self, graph: ServedGraph, example: Example, path: Path, precision: str) -> Iterator[Export]:
        for recipe, attend in _ways(precision).items():
            buffer = io.BytesIO()
            with serving_as(self.name), torch.inference_mode():
                packed = packed_graph(graph, attend, tensors(example))
                served = _served(packed or graph, precision)
                inputs = tuple(tensors(example)[name] for name in graph.all_names)
                trace: Any = torch.jit.trace(served.eval(), inputs, check_trace=False)  # type: ignore[no-untyped-call]
                _follow_inputs(trace)
                torch.jit.save(trace, buffer)
            path.write_bytes(buffer.getbuffer())
            yield Export(recipe=recipe, unpadded=packed is not None)
            if packed is None:
                return  # its attention is its own, and the same in every recipe

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        with serving_as(self.name):
            module = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]

        def run(inputs: Example) -> dict[str, npt.NDArray[np.float32]]:
            with serving_as(self.name), torch.inference_mode(), torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
                outputs = module(*(torch.from_numpy(array) for array in inputs.values()))
            return {name: output.numpy() for name, output in zip(output_names, outputs, strict=True)}

        return run


def _ways(precision: str) -> Mapping[str, Attend]:
    """Recipes with their attention, the fastest first."""
    if precision not in REDUCED:
        return {precision: by_row}
    dtype = REDUCED[precision]
    exact = by_row_reduced(Reduced(dtype, MOST_TOKENS))
    if precision == "bf16" and "amx_bf16" in cpu_flags():
        return {precision: by_row_reduced(Reduced(dtype, LONG)), f"{precision}, attention in fp32": exact}
    return {precision: exact}


def _follow_inputs(trace: Any) -> None:
    """A trace computes on the device that it was made on, where code named one; from here on, where its inputs are."""
    parts = [part._c for part in trace.modules()]  # noqa: SLF001 - torch shows the graph of one method of a part only
    for graph in [part._get_method(name).graph for part in parts for name in part._method_names()]:  # noqa: SLF001
        given = [value for value in graph.inputs() if value.type().kind() == "TensorType"]
        for constant in graph.findAllNodes("prim::Constant"):
            if given and constant.output().type().kind() == "DeviceObjType":
                device = graph.create("prim::device", given[:1])
                device.output().setType(constant.output().type())
                constant.output().replaceAllUsesWith(device.insertAfter(constant).output())


def _served(graph: PackedGraph | ServedGraph, precision: str) -> torch.nn.Module:
    """A graph of fixed-width rows, with a copy of the model that multiplies in `precision`."""
    served = graph.served if isinstance(graph, PackedGraph) else graph
    if served is graph:
        served.model.set_attn_implementation("sdpa")  # type: ignore[operator]
    if precision in REDUCED:
        graph = graph.with_model(reduced(served.model, REDUCED[precision]))
    return PackingGraph(graph) if isinstance(graph, PackedGraph) else TrimmedGraph(graph)
