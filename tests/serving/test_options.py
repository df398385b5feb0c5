"""Every parameter that the native backends document reaches the library that runs the model."""

from typing import Any

import onnxruntime as ort
import pytest

from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.onnxruntime.options import (
    SHRINKAGE,
    providers,
    run_options,
    session_options,
    shrinking,
)
from tritext_serving.backends.pytorch.naming import index, ordered_inputs


def settings(parameters: dict[str, str] | None = None, **more: Any) -> ModelSettings:
    wrapped = {key: {"string_value": value} for key, value in (parameters or {}).items()}
    return ModelSettings.from_config({"name": "model", "parameters": wrapped, **more})


@pytest.mark.parametrize(
    ("given", "attribute", "expected"),
    [
        ({}, "intra_op_num_threads", 0),
        ({"intra_op_thread_count": "3"}, "intra_op_num_threads", 3),
        ({"inter_op_thread_count": "2"}, "inter_op_num_threads", 2),
        ({}, "execution_mode", ort.ExecutionMode.ORT_SEQUENTIAL),
        ({"execution_mode": "1"}, "execution_mode", ort.ExecutionMode.ORT_PARALLEL),
        ({}, "enable_cpu_mem_arena", True),
        ({"enable_mem_arena": "0"}, "enable_cpu_mem_arena", False),
        ({"enable_mem_pattern": "false"}, "enable_mem_pattern", False),
    ],
)
def test_a_parameter_becomes_a_session_option(given: dict[str, str], attribute: str, expected: Any) -> None:
    assert getattr(session_options(settings(given)), attribute) == expected


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (None, ort.GraphOptimizationLevel.ORT_ENABLE_ALL),
        (-1, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC),
        (1, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
        (2, ort.GraphOptimizationLevel.ORT_DISABLE_ALL),
    ],
)
def test_the_graph_level_is_the_native_backends(level: int | None, expected: Any) -> None:
    graph = {} if level is None else {"level": level}
    assert session_options(settings(optimization={"graph": graph})).graph_optimization_level == expected


@pytest.mark.parametrize(
    ("given", "device", "usual", "after_long_runs"),
    [
        ({}, None, None, "cpu:0"),
        ({}, 0, None, None),
        ({"enable_mem_arena": "0"}, None, None, None),
        ({SHRINKAGE: "cpu:0"}, None, "cpu:0", "cpu:0"),
        ({SHRINKAGE: "gpu:0"}, 0, "gpu:0", "gpu:0"),
    ],
)
def test_a_processors_arena_shrinks_after_long_runs_and_any_arena_as_the_config_says(
    given: dict[str, str], device: int | None, usual: str | None, after_long_runs: str | None
) -> None:
    assert _shrinks(run_options(settings(given))) == usual
    assert _shrinks(shrinking(settings(given), device)) == after_long_runs


def _shrinks(options: ort.RunOptions) -> str | None:
    try:
        return str(options.get_run_config_entry(SHRINKAGE))
    except RuntimeError:
        return None


@pytest.mark.parametrize(
    ("installed", "device", "expected"),
    [
        (["CPUExecutionProvider"], None, ["CPUExecutionProvider"]),
        (["CPUExecutionProvider"], 0, ["CPUExecutionProvider"]),
        (["CUDAExecutionProvider", "CPUExecutionProvider"], None, ["CPUExecutionProvider"]),
        (
            ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
            1,
            [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"],
        ),
    ],
)
def test_a_gpus_instance_runs_there_if_the_installed_onnxruntime_can(
    monkeypatch: pytest.MonkeyPatch, installed: list[str], device: int | None, expected: list[Any]
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: installed)
    assert providers(device) == expected


@pytest.mark.parametrize("pool", ["intra_op", "inter_op"])
def test_idle_threads_do_not_spin(pool: str) -> None:
    assert session_options(settings()).get_session_config_entry(f"session.{pool}.allow_spinning") == "0"


@pytest.mark.parametrize("value", ["many", "", "1.5"])
def test_a_thread_count_that_is_no_number_is_refused_with_its_name(value: str) -> None:
    with pytest.raises(ValueError, match="intra_op_thread_count"):
        session_options(settings({"intra_op_thread_count": value}))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["attention_mask", "input_ids"], ["input_ids", "attention_mask"]),
        (["MASK__1", "IDS__0"], ["IDS__0", "MASK__1"]),
        ([f"INPUT__{n}" for n in range(11)], [f"INPUT__{n}" for n in range(11)]),
    ],
)
def test_inputs_come_in_the_order_of_forwards_arguments(names: list[str], expected: list[str]) -> None:
    assert ordered_inputs(["input_ids", "attention_mask"], names) == expected


@pytest.mark.parametrize("name", ["logits", "OUTPUT_0", "OUTPUT__", "OUTPUT__x"])
def test_a_name_without_a_position_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*OUTPUT__0"):
        index("output", name)
