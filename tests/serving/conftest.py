"""One repository with every kind of model, one that starts fast, and a server of the first for tests that leave it as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from onnx import TensorProto

from tests.serving.repositories import (
    add_ensemble,
    add_network,
    add_rows_of_run,
    save_echo,
    save_onnx,
    save_quadratic,
    write,
)
from tritext_serving import Server, running_server

LONG = 2000
"""Tokens: more than any backend computes in a run of several rows."""

ONE = "instance_group { count: 1 kind: KIND_CPU }"
LOGITS = 'output { name: "logits" data_type: TYPE_FP32 dims: [3] }'
IDS = 'output { name: "ids" data_type: TYPE_INT64 dims: [8] }'


@pytest.fixture(scope="session")
def small_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One ensemble over ONNX: what starts fastest."""
    repository = tmp_path_factory.mktemp("small")
    add_ensemble(repository, "tiny", "onnxruntime", network=ONE)
    return repository


@pytest.fixture(scope="session")
def wide_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All backends, and every kind of config that they must honour."""
    repository = tmp_path_factory.mktemp("wide")
    add_ensemble(repository, "over_onnx", "onnxruntime")
    add_ensemble(repository, "over_torch", "pytorch", network=_parameter("INFERENCE_MODE", "false"))
    add_ensemble(repository, "over_openvino", "openvino", network=_parameter("ENABLE_BATCH_PADDING", "YES"))
    add_network(repository, "full_batches_only", "openvino", more=ONE)
    save_echo(_onnx(repository, "any_width", f"max_batch_size: 16 {IDS.replace('8', '-1')}", width=-1))
    save_onnx(_onnx(repository, "fails_but_at_8", f"max_batch_size: 16 {LOGITS}", width=-1))
    half = f"max_batch_size: 16 {LOGITS.replace('FP32', 'FP16')}"
    save_onnx(_onnx(repository, "half", half), output=TensorProto.FLOAT16)
    alone = f"{LOGITS} {IDS}".replace("[3]", "[-1, 3]").replace("[8]", "[-1, 8]")
    save_onnx(_onnx(repository, "alone", f"max_batch_size: 0 {alone}", rows=True))
    sums = 'output { name: "sums" data_type: TYPE_FP32 dims: [-1, -1] }'
    slow = f"max_batch_size: 0 {sums} {_parameter('intra_op_thread_count', '1')}"
    save_quadratic(_onnx(repository, "quadratic", slow, width=-1, rows=True))
    _add_by_argument_name(repository)
    for backend in ("onnxruntime", "pytorch", "openvino"):
        add_rows_of_run(repository, f"rows_of_run_{backend}", backend, width=LONG)
    return repository


@pytest.fixture(scope="module")
def served(wide_repository: Path) -> Iterator[Server]:
    with running_server(wide_repository, instances=1) as server:
        yield server


def _onnx(repository: Path, name: str, config: str, *, width: int = 8, rows: bool = False) -> Path:
    """Write a config for a network whose file has a name of its own, and say where that file belongs."""
    dims = f"[-1, {width}]" if rows else f"[{width}]"
    write(
        repository / name / "config.pbtxt",
        f"""backend: "onnxruntime" default_model_filename: "{name}.onnx" {ONE} {config}
        input {{ name: "input_ids" data_type: TYPE_INT64 dims: {dims} }}""",
    )
    (repository / name / "1").mkdir()
    return repository / name / "1" / f"{name}.onnx"


def _add_by_argument_name(repository: Path) -> None:
    more = f"{ONE} {_parameter('DISABLE_OPTIMIZED_EXECUTION', 'true')} {IDS.replace('ids', 'ids__1')}"
    add_network(repository, "by_argument_name", "pytorch", more=more)
    config = repository / "by_argument_name/config.pbtxt"
    write(config, config.read_text(encoding="utf-8").replace("INPUT__0", "input_ids"))


def _parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'
