"""OpenVINO IR: read from the ONNX graph, with Triton's backend `openvino`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from onnx.inliner import inline_local_functions

from tritext_build.errors import MissingLibrary, NoBf16
from tritext_build.graph import ServedGraph, tensors
from tritext_build.packing import packed_graph

from .boundary import serving_as
from .format import Example, Export, RunGraph
from .onnx_chunks import CHUNKS
from .onnx_export import packed_proto, padded_proto
from .onnx_packing import IN_CHUNKS, attend
from .onnx_rows import drop_empty_rows
from .onnx_surgery import save
from .openvino_int8 import SPARING, WEIGHTS, WHOLE, quantized

if TYPE_CHECKING:
    import openvino

TRACED_ROWS = 32
"""As many rows of the example as the other formats trace with; the rest is for calibration."""

CALIBRATION_ROWS = 300
"""What NNCF takes its statistics over by default."""

MULTIPLIES_IN = ["tritext", "multiplies_in"]
"""Where a file says what it is to be multiplied in: `bf16` or `f32`."""


class OpenVinoFormat:
    """The IR holds FP32 weights, or int8 ones; whether products run in bf16 is said when it is loaded.

    Source of the parameters: https://github.com/triton-inference-server/openvino_backend#parameters
    """

    name = "openvino"
    backend = "openvino"
    filename = "model.xml"
    example_rows = CALIBRATION_ROWS
    # The backend pads every batch to max_batch_size, and answers one that is full with rows missing
    # (triton-inference-server/openvino_backend, pull request "reset batch_pad_size_"): so none ever is.
    spare_rows = 1
    precisions = ("fp32", "bf16", "int8")

    def parameters(self, precision: str) -> Mapping[str, str]:
        hint = {"HINT_BF16": "YES"} if precision == "bf16" else {}
        return {"ENABLE_BATCH_PADDING": "YES", **hint}

    def input_names(self, names: Sequence[str]) -> list[str]:
        return list(names)

    output_names = input_names

    def exports(self, graph: ServedGraph, example: Example, path: Path, precision: str) -> Iterator[Export]:
        core = _core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise NoBf16
        with serving_as(self.name):
            exact, unpadded = _read(core, graph, example)
        for recipe in (WHOLE, SPARING, WEIGHTS) if precision == "int8" else (precision,):
            with serving_as(self.name):
                model = exact.clone()
                if precision == "int8":
                    model = quantized(model, example, recipe, rows_at_once=2 * CHUNKS if unpadded else 1)
                model.set_rt_info("bf16" if precision == "bf16" else "f32", MULTIPLIES_IN)
                _save(model, path)
            yield Export(recipe=recipe, unpadded=unpadded)

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        core = _core()
        with serving_as(self.name):
            model = core.read_model(path)
            # OpenVINO rounds to bf16 wherever the processor has it, unless it is told what is wanted.
            settings = {"INFERENCE_PRECISION_HINT": model.get_rt_info(MULTIPLIES_IN).value}
            request = core.compile_model(model, "CPU", settings).create_infer_request()

        def run(inputs: Example) -> dict[str, npt.NDArray[np.float32]]:
            with serving_as(self.name):
                outputs = request.infer(inputs)
            return {name: outputs[name] for name in output_names}

        return run


def _read(core: "openvino.Core", graph: ServedGraph, example: Example) -> tuple[Any, bool]:
    """The graph as an OpenVINO model in FP32, and whether it computes on packed tokens."""
    traced = {name: rows[:TRACED_ROWS] for name, rows in example.items()}
    packed = packed_graph(graph, attend, tensors(traced))
    proto = packed_proto(packed, traced, IN_CHUNKS) if packed else padded_proto(graph, traced)
    drop_empty_rows(proto, inputs=graph.all_names, outputs=graph.output_names)
    with TemporaryDirectory() as folder:
        # OpenVINO does not read functions that a model brings along.
        save(inline_local_functions(proto), Path(folder) / "model.onnx")
        model = core.read_model(Path(folder) / "model.onnx")
    # Triton's backend refuses outputs whose length has an upper bound, which a fixed width would give them.
    model.reshape({name: [-1, -1] for name in graph.input_names})
    return model, packed is not None


def _core() -> "openvino.Core":
    """OpenVINO, or a sentence on how to get it.

    Raises:
        MissingLibrary: It is not installed.
    """
    try:
        import openvino  # noqa: PLC0415 - an extra of its own, for its size
    except ModuleNotFoundError:
        raise MissingLibrary(format_name="openvino", library="openvino", extra="openvino") from None
    return openvino.Core()


def _save(model: Any, path: Path) -> None:
    """Write `path` and, beside it, the weights; FP32 ones are kept whole, which is not the library's default."""
    import openvino  # noqa: PLC0415

    openvino.save_model(model, path, compress_to_fp16=False)
