"""int8 with a scale per token: close to the original, and the same in any company."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tritext_build.formats.onnx_int8 import quantize_per_token
from tritext_build.formats.onnx_sensitivity import int8_errors, worst

WIDTH, OUT = 48, 20
RNG = np.random.default_rng(5)
WEIGHT = RNG.normal(size=(WIDTH, OUT)).astype(np.float32)


def product() -> onnx.ModelProto:
    """y = x @ WEIGHT, and z = x @ x^T, which has no constant side."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("Transpose", ["x"], ["xt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["x", "xt"], ["z"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "length", WIDTH])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "length", OUT])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", "length", "length"])
    graph = helper.make_graph(nodes, "product", [x], [y, z], [numpy_helper.from_array(WEIGHT, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    proto = quantize_per_token(product())
    assert [node.op_type for node in proto.graph.node].count("MatMulInteger") == 1
    onnx.checker.check_model(proto)
    return onnxruntime.InferenceSession(proto.SerializeToString())


def test_the_error_stays_within_the_rounding_of_both_sides(session: onnxruntime.InferenceSession) -> None:
    """|error| <= sum over the inner dimension of half a step of x times |w| plus half a step of w times |x|."""
    x = RNG.normal(size=(3, 5, WIDTH)).astype(np.float32)
    x_step = np.abs(x).max(axis=-1, keepdims=True) / 127
    w_step = np.abs(WEIGHT).max(axis=0) / 127
    bound = 0.5 * x_step * np.abs(WEIGHT).sum(0) + 0.5 * w_step * np.abs(x).sum(-1, keepdims=True)
    bound += 0.25 * WIDTH * x_step * w_step + 1e-5
    assert (np.abs(session.run(["y"], {"x": x})[0] - x @ WEIGHT) <= bound).all()


def test_a_row_has_the_same_answer_in_any_company(session: onnxruntime.InferenceSession) -> None:
    """A neighbour a thousand times larger would move a scale taken over the batch; here not a bit changes."""
    x = RNG.normal(size=(1, 5, WIDTH)).astype(np.float32)
    alone = session.run(["y"], {"x": x})[0]
    together = session.run(["y"], {"x": np.concatenate([1000 * x, x, -x])})[0]
    np.testing.assert_array_equal(together[1], alone[0])


def test_a_row_of_zeros_stays_zero(session: onnxruntime.InferenceSession) -> None:
    assert not session.run(["y"], {"x": np.zeros((1, 2, WIDTH), np.float32)})[0].any()


def test_products_of_activations_stay_fp32(session: onnxruntime.InferenceSession) -> None:
    x = RNG.normal(size=(2, 3, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(session.run(["z"], {"x": x})[0], x @ x.transpose(0, 2, 1), rtol=1e-5)


def test_the_products_that_are_spared_are_the_fewest_that_carry_the_share() -> None:
    errors = {"small": 1.0, "large": 6.0, "middle": 3.0}
    assert set(worst(errors, 0.5)) == {"large"}
    assert set(worst(errors, 0.75)) == {"large", "middle"}
    assert set(worst(errors, 1.0)) == {"large", "middle", "small"}


def test_the_error_of_a_product_is_that_of_the_graph_with_it_alone_as_int8() -> None:
    x = RNG.normal(size=(2, 3, WIDTH)).astype(np.float32)
    exact, changed = (
        onnxruntime.InferenceSession(proto.SerializeToString()).run(["y"], {"x": x})[0]
        for proto in (product(), quantize_per_token(product()))
    )
    (error,) = int8_errors(product(), {"x": x}).values()  # type: ignore[dict-item]
    assert error == pytest.approx(np.square(changed - exact, dtype=np.float64).sum(), rel=1e-6)
    assert error > 0
