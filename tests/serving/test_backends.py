"""What a client sees of the stand-ins is what the native backends document."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from tests.serving.asking import data_of, infer, infer_raw, rows, texts
from tests.serving.conftest import LONG
from tests.serving.repositories import LABELS, WEIGHTS, logits_of
from tritext_serving import Server


@pytest.mark.parametrize("model", ["over_onnx", "over_torch", "over_openvino"])
def test_an_ensemble_answers_as_the_network_computes(served: Server, model: str) -> None:
    asked = ["a", "hello there", "", "ünïcödé", "x" * 10_000]
    status, answer = infer(served.http_url, model, texts(*asked))
    assert status == 200
    expected = np.concatenate([logits_of(text) for text in asked])
    np.testing.assert_allclose(data_of(answer)["LOGITS"], expected, rtol=1e-6)


@pytest.mark.parametrize("model", ["over_onnx", "over_torch", "over_openvino"])
def test_requests_of_one_batch_are_one_run_and_each_gets_its_own_rows(served: Server, model: str) -> None:
    asked = [["a" * n, "b" * n] for n in range(1, 65)]
    with ThreadPoolExecutor(32) as users:
        answers = list(users.map(lambda pair: infer(served.http_url, model, texts(*pair)), asked))
    for pair, (status, answer) in zip(asked, answers, strict=True):
        assert status == 200
        np.testing.assert_allclose(
            data_of(answer)["LOGITS"], np.concatenate([*map(logits_of, pair)]), rtol=1e-6
        )
    row = next(row for row in served.control.statistics() if row["name"] == f"{model}_model")
    assert row["inference_count"] > 2 * row["execution_count"]


@pytest.mark.parametrize("backend", ["onnxruntime", "pytorch", "openvino"])
def test_long_rows_of_a_request_are_computed_one_by_one_and_short_ones_together(
    served: Server, backend: str
) -> None:
    given, taken = ("attention_mask__0", "rows__0") if backend == "pytorch" else ("attention_mask", "rows")
    for tokens, together in ((LONG, 1), (5, 3)):
        mask = [[1] * tokens + [0] * (LONG - tokens)] * 3
        status, answer = infer(served.http_url, f"rows_of_run_{backend}", rows(given, mask))
        assert (status, data_of(answer)[taken]) == (200, [together] * 3)


def test_half_precision_outputs_keep_their_type(served: Server) -> None:
    row = np.ones((1, 8), np.int64)
    raw = infer_raw(served.grpc_url, "half", "input_ids", [1, 8], row.tobytes(), "logits")
    np.testing.assert_array_equal(np.frombuffer(raw, np.float16), WEIGHTS.sum(0))


@pytest.mark.parametrize("width", [1, 8, 200])
def test_variable_widths_pass(served: Server, width: int) -> None:
    status, answer = infer(served.http_url, "any_width", rows("input_ids", [[2] * width] * 2))
    assert (status, data_of(answer)) == (200, {"ids": [2] * width * 2})


def test_a_model_without_batching_is_given_its_tensors_as_they_are(served: Server) -> None:
    status, answer = infer(served.http_url, "alone", rows("input_ids", [[1] * 8, [2] * 8]))
    assert status == 200
    np.testing.assert_allclose(
        data_of(answer)["logits"], np.concatenate([WEIGHTS.sum(0), 2 * WEIGHTS.sum(0)])
    )


@pytest.mark.parametrize("wanted", [["logits"], ["ids"], ["ids", "logits"]])
def test_only_the_outputs_asked_for_come_back(served: Server, wanted: list[str]) -> None:
    status, answer = infer(served.http_url, "alone", rows("input_ids", [[1] * 8]), wanted)
    assert (status, set(data_of(answer))) == (200, set(wanted))


def test_torch_inputs_may_be_called_as_the_arguments_and_outputs_by_position(served: Server) -> None:
    status, answer = infer(served.http_url, "by_argument_name", rows("input_ids", [[3] * 8]))
    assert status == 200
    assert data_of(answer)["ids__1"] == [3] * 8
    np.testing.assert_allclose(data_of(answer)["OUTPUT__0"], 3 * WEIGHTS.sum(0))


def test_a_run_that_fails_is_answered_with_the_reason_and_the_server_lives(served: Server) -> None:
    status, answer = infer(served.http_url, "fails_but_at_8", rows("input_ids", [[1] * 9]))
    assert status == 500
    assert "fails_but_at_8" in answer["error"]
    status, answer = infer(served.http_url, "fails_but_at_8", rows("input_ids", [[1] * 8]))
    assert (status, len(data_of(answer)["logits"])) == (200, LABELS)


def test_without_padding_openvino_takes_batches_of_one_size_only(served: Server) -> None:
    status, answer = infer(served.http_url, "full_batches_only", rows("input_ids", [[1] * 8] * 3))
    assert status == 500
    assert "ENABLE_BATCH_PADDING" in answer["error"]
    status, answer = infer(served.http_url, "full_batches_only", rows("input_ids", [[1] * 8] * 64))
    assert (status, len(data_of(answer)["logits"])) == (200, 64 * LABELS)


def test_what_a_long_run_took_is_given_back_by_a_run_some_seconds_later(served: Server) -> None:
    width = 3000
    matrix = 4 * width**2
    for size in (8, 8):
        assert infer(served.http_url, "quadratic", rows("input_ids", [[1] * size]))[0] == 200
    small = _memory_of_steps(served)
    assert infer(served.http_url, "quadratic", rows("input_ids", [[1] * width]))[0] == 200
    assert _memory_of_steps(served) > small + 2 * matrix
    began = time.monotonic()
    while _memory_of_steps(served) > small + matrix:
        assert time.monotonic() < began + 30, "it is given back within ten seconds"
        assert infer(served.http_url, "quadratic", rows("input_ids", [[1] * 8]))[0] == 200
        time.sleep(0.1)


def _memory_of_steps(served: Server) -> int:
    """Of all Python backends' processes, in bytes."""
    processes = psutil.Process(served.pid).children(recursive=True)
    return sum(one.memory_info().rss for one in processes if one.name() == "triton_python_backend_stub")
