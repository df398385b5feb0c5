"""What is decided from the machine: cores, instances, threads, ports; and which lines of the log are worth a person's time."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tests.serving.repositories import add_network
from tritext_serving import cores, plan, ports
from tritext_serving import repository as repositories
from tritext_serving.errors import BadHost, PortTaken
from tritext_serving.log import Log
from tritext_serving.settings import ServeSettings

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing binds to it here
TRITON = "1120 13:56:35.348435 23375 model_lifecycle.cc:839] "


@pytest.mark.parametrize(
    ("instances", "threads", "available", "expected"),
    [
        (None, None, 4, (4, 1)),
        (None, None, 1, (1, 1)),
        (2, None, 8, (2, 4)),
        (16, None, 8, (16, 1)),
        (None, 4, 8, (2, 4)),
        (None, 16, 8, (1, 16)),
        (3, 3, 2, (3, 3)),
    ],
)
def test_instances_times_threads_is_the_number_of_cores_unless_both_are_given(
    instances: int | None, threads: int | None, available: int, expected: tuple[int, int]
) -> None:
    settings = ServeSettings(instances=instances, threads=threads)
    wanted = plan.parallelism(settings, cores=available)
    assert (wanted.instances, wanted.threads, wanted.rows) == (*expected, plan.ROWS_AT_ONCE)


@pytest.mark.parametrize(
    ("installed", "computed_there"),
    [
        ({"onnxruntime": "1.31.1", "torch": "2.13.0+cpu"}, set()),
        ({"onnxruntime": "1.31.1", "torch": "2.13.0"}, {"pytorch"}),
        ({"onnxruntime-gpu": "1.31.1", "torch": "2.13.0+cu130"}, {"onnxruntime", "pytorch"}),
        ({"onnxruntime-gpu": "1.31.1"}, {"onnxruntime"}),
    ],
)
def test_a_gpu_computes_what_the_installed_libraries_can_give_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: dict[str, str], computed_there: set[str]
) -> None:
    monkeypatch.setattr(plan, "_version", installed.get)
    monkeypatch.setattr(plan, "GPU_DEVICE", tmp_path / "none")
    assert plan.on_gpu() == set()
    a_gpu(monkeypatch, tmp_path)
    assert plan.on_gpu() == computed_there


def test_nvidias_own_triton_brings_libraries_for_gpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "backends").mkdir()
    program = tmp_path / "bin/tritonserver"
    program.parent.mkdir()
    program.touch(mode=0o755)
    a_gpu(monkeypatch, tmp_path)
    assert plan.on_gpu(program) == {"onnxruntime", "pytorch"}


def test_the_metrics_port_is_open_once_somebody_listens() -> None:
    endpoints = ports.choose(ServeSettings(http_port=0, grpc_port=0, metrics_port=0))
    assert not endpoints.has_metrics()
    with socket.create_server(("127.0.0.1", endpoints.metrics)):
        assert endpoints.has_metrics()


def test_on_a_gpu_triton_decides_unless_it_is_told() -> None:
    there = frozenset({"pytorch"})
    usual = replace(plan.parallelism(ServeSettings(), cores=8), on_gpu=there)
    assert (usual.of("pytorch").instances, usual.of("pytorch").rows) == (0, None)
    assert (usual.of("onnxruntime").instances, usual.of("onnxruntime").rows) == (8, plan.ROWS_AT_ONCE)
    told = replace(plan.parallelism(ServeSettings(instances=2), cores=8), on_gpu=there)
    assert (told.of("pytorch").instances, told.of("pytorch").rows) == (2, None)


def test_what_a_gpu_cannot_compute_is_placed_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Triton would make as many copies for each GPU, all of them on the processor."""
    add_network(tmp_path / "repository", "some_model", "onnxruntime")
    model = repositories.read(tmp_path / "repository").models["some_model"]
    wanted = plan.parallelism(ServeSettings(instances=2), cores=2)
    kinds = type(ModelConfig().instance_group.add())
    monkeypatch.setattr(plan, "GPU_DEVICE", tmp_path / "none")
    assert plan.completed(model, wanted).instance_group[0].kind == kinds.KIND_AUTO
    a_gpu(monkeypatch, tmp_path)
    assert plan.completed(model, wanted).instance_group[0].kind == kinds.KIND_CPU
    there = replace(wanted, on_gpu=frozenset({"onnxruntime"}))
    assert plan.completed(model, there).instance_group[0].kind == kinds.KIND_AUTO


def a_gpu(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """As far as files tell."""
    (place / "nvidiactl").touch()
    monkeypatch.setattr(plan, "GPU_DEVICE", place / "nvidiactl")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", None), ("200000 100000", 2), ("150000 100000", 1), ("1000 100000", 1)],
)
def test_a_container_limit_counts_as_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, expected: int | None
) -> None:
    (tmp_path / "cpu.max").write_text(limit, encoding="utf-8")
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    monkeypatch.setattr(cores, "TOPOLOGY", tmp_path)
    available = len(os.sched_getaffinity(0))
    assert cores.usable_cores() == min(available, expected or available)


def test_two_hardware_threads_are_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu in os.sched_getaffinity(0):
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text("0-63\n", encoding="utf-8")
    monkeypatch.setattr(cores, "TOPOLOGY", tmp_path)
    assert cores.usable_cores() == 1


def test_port_0_is_any_free_one_and_no_two_are_the_same() -> None:
    chosen = ports.choose(ServeSettings(http_port=0, grpc_port=0, metrics_port=0))
    assert len({chosen.http, chosen.grpc, chosen.metrics} - {0}) == 3


@pytest.mark.parametrize("use", ["http", "grpc", "metrics"])
def test_a_taken_port_is_named_with_its_option(use: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        wanted = {f"{name}_port": 0 for name in ("http", "grpc", "metrics")}
        wanted[f"{use}_port"] = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"--{use}-port"):
            ports.choose(ServeSettings(**wanted))  # type: ignore[arg-type]


def test_the_same_port_for_two_uses_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(PortTaken, match="--grpc-port"):
        ports.choose(ServeSettings(http_port=port, grpc_port=port, metrics_port=0))


@pytest.mark.parametrize("host", ["10.255.255.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(BadHost, match=host):
        ports.choose(ServeSettings(host=host, http_port=0, grpc_port=0, metrics_port=0))


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1:1"), (ANYWHERE, "127.0.0.1:1"), ("::1", "[::1]:1")]
)
def test_clients_are_told_an_address_that_they_can_connect_to(host: str, shown: str) -> None:
    assert ports.Endpoints(host=host, plain_host=host, http=1, grpc=2, metrics=3).http_url == shown


@pytest.mark.parametrize(
    ("level", "line", "passed"),
    [
        ("warning", f"E{TRITON}broken", True),
        ("warning", f"W{TRITON}odd", True),
        ("warning", f"I{TRITON}fine", False),
        ("error", f"W{TRITON}odd", False),
        ("info", f"I{TRITON}fine", True),
        ("warning", "a model prints this", True),
        ("warning", "| table |", False),
        ("warning", "", False),
        ("warning", f'E{TRITON}"CUDA driver version is insufficient"', False),
    ],
)
def test_a_person_sees_what_the_level_asks_for_and_no_noise(level: str, line: str, *, passed: bool) -> None:
    seen: list[str] = []
    log = Log(level, gpu=False, pass_on=seen.append)
    log.read(line)
    log.release()
    assert (seen == [line]) is passed


def test_what_comes_before_the_server_is_ready_is_held_back() -> None:
    seen: list[str] = []
    log = Log("warning", gpu=False, pass_on=seen.append)
    log.read(f"E{TRITON}first")
    assert seen == []
    log.release()
    log.read(f"E{TRITON}second")
    assert [line[-6:] for line in seen] == [" first"[-6:], "second"]


def test_the_log_tells_which_models_are_loaded() -> None:
    log = Log("warning", gpu=False, pass_on=print)
    log.read(f"""I{TRITON}"successfully loaded 'tickets_model'\"""")
    assert log.loaded == {"tickets_model"}
