"""Tiny model repositories, made on the spot: a tokenizer in Python, a network as ONNX, TorchScript or OpenVINO IR, an ensemble over both."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

WIDTH = 8
LABELS = 3
WEIGHTS = np.arange(WIDTH * LABELS, dtype=np.float32).reshape(WIDTH, LABELS)

TOKENIZER = """
import time
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        texts = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy()[:, 0]
        rows = np.zeros((len(texts), 8), np.int64)
        for row, text in zip(rows, texts):
            row[:2] = len(text), sum(text)
            if text.startswith(b"sleep "):
                time.sleep(float(text[6:]))
        return pb_utils.InferenceResponse([pb_utils.Tensor("input_ids", rows)])
"""


def logits_of(text: str) -> npt.NDArray[np.float32]:
    """What every network here answers: the length and the sum of the bytes, times the weights."""
    data = text.encode()
    row = np.zeros(WIDTH, np.float32)
    row[:2] = len(data), sum(data)
    logits: npt.NDArray[np.float32] = row @ WEIGHTS
    return logits


def add_ensemble(repository: Path, name: str, backend: str, *, network: str = "") -> None:
    """A whole family: `name`, its tokenizer and its network; `network` is more text for the network's config."""
    given, taken = ("INPUT__0", "OUTPUT__0") if backend == "pytorch" else ("input_ids", "logits")
    write(
        repository / name / "config.pbtxt",
        f"""platform: "ensemble" max_batch_size: 64
        input {{ name: "TEXT" data_type: TYPE_STRING dims: [1] }}
        output {{ name: "LOGITS" data_type: TYPE_FP32 dims: [{LABELS}] }}
        ensemble_scheduling {{
          step {{ model_name: "{name}_tokenizer" model_version: 1
            input_map {{ key: "TEXT" value: "TEXT" }} output_map {{ key: "input_ids" value: "ids" }} }}
          step {{ model_name: "{name}_model" model_version: 1
            input_map {{ key: "{given}" value: "ids" }} output_map {{ key: "{taken}" value: "LOGITS" }} }}
        }}""",
    )
    (repository / name / "1").mkdir()
    write(
        repository / f"{name}_tokenizer/config.pbtxt",
        f"""backend: "python" max_batch_size: 64
        input {{ name: "TEXT" data_type: TYPE_STRING dims: [1] }}
        output {{ name: "input_ids" data_type: TYPE_INT64 dims: [{WIDTH}] }}
        instance_group {{ count: 1 kind: KIND_CPU }}
        dynamic_batching {{ max_queue_delay_microseconds: 500 }}""",
    )
    write(repository / f"{name}_tokenizer/1/model.py", TOKENIZER)
    write(repository / f"{name}_tokenizer/1/manifest.json", "{}")
    add_network(repository, f"{name}_model", backend, more=network)


BATCHING = "dynamic_batching { max_queue_delay_microseconds: 500 }"


def add_network(
    repository: Path, name: str, backend: str, *, more: str = "", batching: str = BATCHING
) -> None:
    given, taken = ("INPUT__0", "OUTPUT__0") if backend == "pytorch" else ("input_ids", "logits")
    config = f"""backend: "{backend}" max_batch_size: 64
        input {{ name: "{given}" data_type: TYPE_INT64 dims: [{WIDTH}] }}
        output {{ name: "{taken}" data_type: TYPE_FP32 dims: [{LABELS}] }}
        {batching} {more}"""
    write(repository / name / "config.pbtxt", config)
    version = repository / name / "1"
    version.mkdir()
    if backend == "onnxruntime":
        save_onnx(version / "model.onnx")
    elif backend == "openvino":
        save_openvino(version / "model.xml")
    else:
        save_torchscript(version / "model.pt")


def save_onnx(path: Path, *, output: int = TensorProto.FLOAT) -> None:
    """A graph with two outputs: `logits` of the given type, and `ids`, the input as it came."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["numbers", "weights"], ["product"]),
        helper.make_node("Cast", ["product"], ["logits"], to=output),
        helper.make_node("Identity", ["input_ids"], ["ids"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "width"])],
        [
            helper.make_tensor_value_info("logits", output, ["batch", LABELS]),
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "width"]),
        ],
        [onnx.numpy_helper.from_array(WEIGHTS, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def save_openvino(path: Path) -> None:
    """The same graph as IR: OpenVINO's own, read from ONNX."""
    import openvino

    save_onnx(path.with_suffix(".onnx"))
    openvino.save_model(openvino.Core().read_model(path.with_suffix(".onnx")), path, compress_to_fp16=False)
    path.with_suffix(".onnx").unlink()


def save_echo(path: Path) -> None:
    """A graph that gives back `ids`, its input of any width."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input_ids"], ["ids"])],
        "echo",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "width"])],
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "width"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def save_quadratic(path: Path) -> None:
    """A graph that takes memory with the square of its input's width, and time with its third power."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["row"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["row"], ["column"]),
        helper.make_node("MatMul", ["column", "row"], ["square"]),
        helper.make_node("MatMul", ["square", "square"], ["second"]),
        helper.make_node("MatMul", ["second", "square"], ["third"]),
        helper.make_node("MatMul", ["row", "third"], ["sums"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quadratic",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "width"])],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, [1, "width"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def add_rows_of_run(repository: Path, name: str, backend: str, *, width: int) -> None:
    """A network that answers each row with the number of rows that were computed together; its input is a mask."""
    given, taken = ("attention_mask__0", "rows__0") if backend == "pytorch" else ("attention_mask", "rows")
    write(
        repository / name / "config.pbtxt",
        f"""backend: "{backend}" max_batch_size: 16 instance_group {{ count: 1 kind: KIND_CPU }}
        input {{ name: "{given}" data_type: TYPE_INT64 dims: [{width}] }}
        output {{ name: "{taken}" data_type: TYPE_INT64 dims: [1] }}
        parameters {{ key: "ENABLE_BATCH_PADDING" value: {{ string_value: "YES" }} }}""",
    )
    version = repository / name / "1"
    version.mkdir()
    if backend == "pytorch":
        _save_rows_of_run_as_torchscript(version / "model.pt")
        return
    graph = helper.make_graph(
        [
            helper.make_node("Shape", ["attention_mask"], ["count"], start=0, end=1),
            helper.make_node("Concat", ["count", "one"], ["shape"], axis=0),
            helper.make_node("Expand", ["count", "shape"], ["rows"]),
        ],
        "rows_of_run",
        [helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", width])],
        [helper.make_tensor_value_info("rows", TensorProto.INT64, ["batch", 1])],
        [onnx.numpy_helper.from_array(np.ones(1, np.int64), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (version / "model.onnx").write_bytes(model.SerializeToString())
    if backend == "openvino":
        import openvino

        openvino.save_model(openvino.Core().read_model(version / "model.onnx"), version / "model.xml")


def _save_rows_of_run_as_torchscript(path: Path) -> None:
    import torch

    class RowsOfRun(torch.nn.Module):
        def forward(self, attention_mask: torch.Tensor) -> torch.Tensor:
            return torch.ones_like(attention_mask[:, :1]) * attention_mask.shape[0]

    jit: Any = torch.jit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        jit.script(RowsOfRun().eval()).save(str(path))


def save_torchscript(path: Path) -> None:
    """A module with two outputs: the logits, and its input as it came."""
    import torch

    class TwoOutputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(torch.from_numpy(WEIGHTS.copy()))

        def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return input_ids.float() @ self.weights, input_ids

    jit: Any = torch.jit
    with warnings.catch_warnings():
        # torch would rather have us export, but Triton's backend reads TorchScript.
        warnings.simplefilter("ignore", DeprecationWarning)
        jit.trace(TwoOutputs().eval(), torch.ones(2, WIDTH, dtype=torch.int64)).save(str(path))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
