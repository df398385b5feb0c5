"""OpenVINO's format: what the native backend asks of a graph, and rows that only fill up a batch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from onnx import TensorProto, helper

from tests.build.test_model_config import version
from tritext_build import BuildRequest, Manifest, build
from tritext_build.errors import MissingLibrary, NoBf16
from tritext_build.formats import FORMATS, openvino_format, openvino_int8
from tritext_build.formats.onnx_rows import drop_empty_rows

FORM = FORMATS["openvino"]
LABELS = 3


def has_bf16() -> bool:
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(scope="module", params=["fp32", "bf16", "int8"])
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, checkpoint: Path
) -> tuple[Manifest, Path]:
    """A version in each precision, and the folder of its model step."""
    if request.param == "bf16" and not has_bf16():
        pytest.skip("this processor has no bf16")
    repository = tmp_path_factory.mktemp(request.param)
    manifest = build(
        BuildRequest(
            checkpoint=str(checkpoint),
            name="tiny",
            repository=repository,
            format="openvino",
            precision=request.param,
        )
    )
    return manifest, repository / "tiny_model"


@pytest.mark.slow
def test_a_version_says_what_it_is_multiplied_in_to_triton_and_to_the_gates_alike(
    built: tuple[Manifest, Path],
) -> None:
    manifest, step = built
    model = openvino.Core().read_model(step / "1/model.xml")
    hinted = 'key: "HINT_BF16"' in (step / "config.pbtxt").read_text(encoding="utf-8")
    assert hinted == (manifest.precision == "bf16")
    assert model.get_rt_info(openvino_format.MULTIPLIES_IN).value == ("bf16" if hinted else "f32")


@pytest.mark.slow
def test_weights_are_kept_in_full_unless_they_are_int8(built: tuple[Manifest, Path]) -> None:
    manifest, step = built
    matrices = [
        node.get_element_type().get_type_name()
        for node in openvino.Core().read_model(step / "1/model.xml").get_ops()
        if node.get_type_name() == "Constant" and len(node.shape) == 2 and min(node.shape) > LABELS
    ]
    assert "f16" not in matrices
    assert ("i8" in matrices) == (manifest.precision == "int8")


@pytest.mark.slow
def test_a_graph_meets_the_native_backends_conditions(built: tuple[Manifest, Path]) -> None:
    """One name a tensor; with a static batch, no dimension of an output has a bound that is not its size."""
    model = openvino.Core().read_model(built[1] / "1/model.xml")
    for port in model.inputs:
        assert len(port.get_names()) == 1
        port.node.layout = openvino.Layout("N...")
    openvino.set_batch(model, 65)
    for port in model.outputs:
        assert len(port.get_names()) == 1
        first, *others = port.get_partial_shape()
        assert first == openvino.Dimension(65)
        assert all(dim.is_static or dim.get_max_length() < 0 for dim in others)


def test_no_batch_is_ever_full() -> None:
    """The native backend answers a full batch with rows missing after one that it had to fill up."""
    config = version("openvino").configs()[1]
    assert config.most_rows_at_once == config.max_batch_size - 1 == version("openvino").most_rows


# ---- rows that only fill up


def session() -> onnxruntime.InferenceSession:
    """y = the sum of x over each row, with as many rows computed as `computed` says."""
    nodes = [
        helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["floats", "axis"], ["y"], keepdims=1),
        helper.make_node("Cast", ["attention_mask"], ["m"], to=TensorProto.FLOAT),
        helper.make_node("Shape", ["m"], ["computed"]),
    ]
    given = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", 4])
        for name in ("x", "attention_mask")
    ]
    taken = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1]),
        helper.make_tensor_value_info("computed", TensorProto.INT64, [2]),
    ]
    axis = onnx.numpy_helper.from_array(np.array([1], np.int64), "axis")
    graph = helper.make_graph(nodes, "rows", given, taken, [axis])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    drop_empty_rows(proto, inputs=["x", "attention_mask"], outputs=["y"])
    onnx.checker.check_model(proto)
    return onnxruntime.InferenceSession(proto.SerializeToString())


@pytest.mark.parametrize(
    ("lengths", "computed"), [([2, 1, 0, 0, 0], 2), ([4], 1), ([1, 0, 3, 0], 3), ([0, 0], 1), ([2, 2], 2)]
)
def test_rows_behind_the_last_with_a_token_are_not_computed_and_come_back_as_zeros(
    lengths: list[int], computed: int
) -> None:
    mask = (np.arange(4) < np.array(lengths)[:, None]).astype(np.int64)
    x = np.arange(1, 4 * len(lengths) + 1, dtype=np.int64).reshape(-1, 4)
    y, shape = session().run(["y", "computed"], {"x": x, "attention_mask": mask})
    expected = x.sum(axis=1, keepdims=True).astype(np.float32)
    expected[computed:] = 0
    np.testing.assert_array_equal(y, expected)
    assert shape.tolist() == [computed, 4]


# ---- what may be missing


@pytest.mark.parametrize(
    ("library", "fetch"), [("openvino", openvino_format._core), ("nncf", openvino_int8._nncf)]
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, library: str, fetch: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(MissingLibrary, match=rf"'{library}'.*tritext\[openvino\]"):
        fetch()


def test_bf16_is_refused_where_the_processor_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Old:
        def get_property(self, _device: str, _name: str) -> list[str]:
            return ["FP32", "INT8"]

    monkeypatch.setattr(openvino_format, "_core", Old)
    graph: Any = None
    with pytest.raises(NoBf16, match="AVX512-BF16"):
        next(FORM.exports(graph, {}, tmp_path / "model.xml", "bf16"))
