"""What the native OpenVINO backend documents reaches OpenVINO, and a config that does not fit the graph is refused."""

import os
from pathlib import Path
from typing import Any

import openvino
import pytest

from tests.serving.repositories import save_openvino
from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.openvino.graph import fit
from tritext_serving.backends.openvino.options import compile_options, extensions

INPUT = {"name": "input_ids", "data_type": "TYPE_INT64", "dims": [8]}
OUTPUT = {"name": "logits", "data_type": "TYPE_FP32", "dims": [3]}


def settings(parameters: dict[str, str] | None = None, **more: Any) -> ModelSettings:
    wrapped = {key: {"string_value": value} for key, value in (parameters or {}).items()}
    config = {"name": "model", "max_batch_size": 4, "input": [INPUT], "output": [OUTPUT]}
    return ModelSettings.from_config({**config, "parameters": wrapped, **more})


@pytest.fixture
def graph(tmp_path: Path) -> Any:
    save_openvino(tmp_path / "model.xml")
    return openvino.Core().read_model(tmp_path / "model.xml")


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({}, "INFERENCE_PRECISION_HINT", "f32"),
        ({"HINT_BF16": "yes"}, "INFERENCE_PRECISION_HINT", "bf16"),
        ({"COMPILATION_NUM_THREADS": "3"}, "COMPILATION_NUM_THREADS", 3),
        ({"PERFORMANCE_HINT": "throughput"}, "PERFORMANCE_HINT", "THROUGHPUT"),
        ({}, "ENABLE_CPU_PINNING", False),
    ],
)
def test_a_parameter_becomes_a_property(given: dict[str, str], name: str, expected: Any) -> None:
    assert compile_options(settings(given))[name] == expected


@pytest.mark.parametrize(
    ("threads", "streams", "instances", "expected"),
    [("6", "2", 2, 3), ("6", "2", 1, 3), ("6", "auto", 2, 3), ("6", "1", 1, 6), ("1", "4", 4, 1)],
)
def test_an_instance_takes_its_share_of_the_threads(
    threads: str, streams: str, instances: int, expected: int
) -> None:
    group = [{"count": instances, "kind": "KIND_CPU"}]
    given = settings({"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams}, instance_group=group)
    options = compile_options(given)
    assert (options["INFERENCE_NUM_THREADS"], options["NUM_STREAMS"]) == (expected, 1)


def test_without_a_number_the_threads_are_the_cores_that_may_be_used() -> None:
    assert compile_options(settings())["INFERENCE_NUM_THREADS"] == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("INFERENCE_NUM_THREADS", "many"),
        ("NUM_STREAMS", "some"),
        ("HINT_BF16", "no"),
        ("PERFORMANCE_HINT", "fast"),
    ],
)
def test_a_value_that_the_native_backend_refuses_is_refused_with_its_name(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{key}.*{value}"):
        compile_options(settings({key: value}))


def test_kernels_of_the_users_own_are_loaded() -> None:
    assert extensions(settings({"CPU_EXTENSION_PATH": "/kernels.so"})) == ["/kernels.so"]
    assert extensions(settings()) == []


def test_the_properties_are_ones_that_openvino_knows(graph: Any) -> None:
    given = {"HINT_BF16": "YES", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": "1"}
    compiled = openvino.Core().compile_model(graph, "CPU", compile_options(settings(given)))
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"output": [{**OUTPUT, "name": "scores"}]}, "'scores' is not in the graph, which has logits, ids"),
        ({"input": []}, "the graph's inputs input_ids are not in the config"),
        ({"input": [{**INPUT, "data_type": "TYPE_INT32"}]}, "is int64 in the graph, but int32 in the config"),
        ({"output": [{**OUTPUT, "dims": [4]}]}, "in the graph, but .*4.* in the config"),
        ({"max_batch_size": 0}, "in the graph, but .* in the config"),
    ],
)
def test_a_config_that_does_not_fit_the_graph_is_refused(graph: Any, more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fit(graph, settings(**more))


@pytest.mark.parametrize(("asked", "width"), [("yes", 8), ("no", -1)])
def test_inputs_take_the_configs_dimensions_where_it_asks_for_it(graph: Any, asked: str, width: int) -> None:
    fit(graph, settings({"RESHAPE_IO_LAYERS": asked}))
    dimension = graph.input("input_ids").get_partial_shape()[1]
    assert (dimension.get_length() if dimension.is_static else -1) == width
