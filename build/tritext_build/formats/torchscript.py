"""TorchScript: traced, with Triton's backend `pytorch`."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch

from tritext_build.graph import ServedGraph, TrimmedGraph

from .boundary import serving_as
from .format import EXAMPLE_ROWS, RunGraph
from .reduced import reduced

REDUCED = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchScriptFormat:
    """Traced with scaled-dot-product attention, which torch runs fused.

    The names carry their position (`input_ids__0`), the convention of Triton's PyTorch backend:
    https://github.com/triton-inference-server/pytorch_backend#important-notes
    """

    name = "torchscript"
    backend = "pytorch"
    filename = "model.pt"
    recipes: Mapping[str, tuple[str, ...]] = MappingProxyType(
        {precision: (precision,) for precision in ("fp32", *REDUCED)}
    )
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

    def export(
        self, graph: ServedGraph, example: dict[str, npt.NDArray[np.int64]], path: Path, recipe: str
    ) -> None:
        graph.model.set_attn_implementation("sdpa")  # type: ignore[operator]
        if recipe in REDUCED:
            graph = graph.with_model(reduced(graph.model, REDUCED[recipe]))
        inputs = tuple(torch.from_numpy(example[name]) for name in graph.all_names)
        buffer = io.BytesIO()
        with serving_as(self.name), torch.inference_mode():
            torch.jit.save(torch.jit.trace(TrimmedGraph(graph).eval(), inputs, check_trace=False), buffer)  # type: ignore[no-untyped-call]
        path.write_bytes(buffer.getbuffer())

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        with serving_as(self.name):
            module = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]

        def run(inputs: dict[str, npt.NDArray[np.int64]]) -> dict[str, npt.NDArray[np.float32]]:
            with serving_as(self.name), torch.inference_mode(), torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
                outputs = module(*(torch.from_numpy(array) for array in inputs.values()))
            return {name: output.numpy() for name, output in zip(output_names, outputs, strict=True)}

        return run
