"""A server is there when every model is ready, is there again after a death, and leaves nothing behind."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.serving.asking import UNAVAILABLE, Load, infer, nothing_left_of, stubs_of, texts, wait_until
from tests.serving.repositories import add_ensemble, add_network, write
from tritext_serving import Server, ServeSettings, running_server
from tritext_serving.errors import GaveUp, MissingBackend, NotReady, StartTimeout

BACK_WITHIN = 10.0
"""Seconds until a killed server must answer again."""


def place_of(server: Server) -> Path:
    return Path(server._place.name)


def test_stopping_leaves_no_process_no_shared_memory_and_no_file(small_repository: Path) -> None:
    with running_server(small_repository) as server:
        processes = [psutil.Process(server.pid), *stubs_of(server.pid)]
        assert len(processes) == 3
        with nothing_left_of(processes, place_of(server)):
            server.stop()


def test_serving_writes_nothing_into_the_repository(small_repository: Path) -> None:
    def everything() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in small_repository.rglob("*")}

    before = everything()
    with running_server(small_repository) as server:
        assert infer(server.http_url, "tiny", texts("a"))[0] == 200
    assert everything() == before


def test_requests_in_flight_are_answered_before_the_end_and_idle_connections_do_not_delay_it(
    small_repository: Path,
) -> None:
    answers = []
    with running_server(small_repository) as server:
        idle = http.client.HTTPConnection(server.http_url)
        idle.request("GET", "/v2/health/live")
        idle.getresponse().read()
        asking = threading.Thread(
            target=lambda: answers.append(infer(server.http_url, "tiny", texts("sleep 1.5")))
        )
        asking.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert server.stop()
        took = time.monotonic() - began
        asking.join()
        idle.close()
    assert [status for status, _ in answers] == [200]
    assert 0.8 < took < 5


def test_a_request_that_takes_longer_than_the_exit_timeout_is_cut(small_repository: Path) -> None:
    with running_server(small_repository, exit_timeout=0.5) as server:
        failures: list[Exception] = []
        asking = threading.Thread(target=_ask_and_note, args=(server.http_url, failures))
        asking.start()
        time.sleep(0.5)
        assert not server.stop()
        asking.join()
    assert len(failures) == 1


def _ask_and_note(url: str, failures: list[Exception]) -> None:
    try:
        infer(url, "tiny", texts("sleep 20"))
    except (OSError, http.client.HTTPException) as error:
        failures.append(error)


def test_instances_are_processes_and_threads_are_theirs(tmp_path: Path) -> None:
    add_network(tmp_path, "one_model", "onnxruntime")
    with running_server(tmp_path, instances=3, threads=2) as server:
        assert len(stubs_of(server.pid, "one_model")) == 3
        config = server.control.config("one_model")
        assert config["instance_group"][0]["count"] == 3
        assert config["parameters"]["intra_op_thread_count"]["string_value"] == "2"


def test_the_stub_runs_on_this_interpreter_and_its_own_standard_library(tmp_path: Path) -> None:
    """Another build's libpython would not fit this interpreter's compiled modules, of which ssl is the most particular."""
    add_ensemble(tmp_path, "tiny", "onnxruntime")
    tokenizer = tmp_path / "tiny_tokenizer/1/model.py"
    import_both = f"import ssl, sys\nassert sys.prefix == {json.dumps(_prefix())}, sys.prefix\n"
    write(tokenizer, import_both + tokenizer.read_text(encoding="utf-8"))
    with running_server(tmp_path) as server:
        assert infer(server.http_url, "tiny", texts("a"))[0] == 200


def _prefix() -> str:
    import sys

    return sys.prefix


@pytest.mark.slow
@pytest.mark.parametrize(
    "victims", [("tiny_tokenizer",), ("tiny_model",), ("tiny_tokenizer", "tiny_model"), ()]
)
def test_whatever_is_killed_clients_see_unavailable_at_worst_and_service_comes_back(
    small_repository: Path, victims: tuple[str, ...]
) -> None:
    """No victims stands for tritonserver itself."""
    with running_server(small_repository) as server:
        first = server.pid
        with Load(server.http_url, server.grpc_url, "tiny", users=16) as load:
            assert wait_until(lambda: load.good_after(0), 5)
            processes = [stubs_of(first, name)[0] for name in victims] or [psutil.Process(first)]
            killed = time.monotonic()
            for process in processes:
                process.kill()
            assert wait_until(
                lambda: server.restarts == 1 and load.good_after(load.last_bad() + 0.3), BACK_WITHIN
            )
            back = load.last_bad() - killed
        assert set(load.counts()) <= UNAVAILABLE, load.counts()
        assert 0 < back < BACK_WITHIN
        assert load.longest < BACK_WITHIN
        assert server.pid != first


def test_a_model_that_is_unloaded_on_purpose_is_no_death(small_repository: Path) -> None:
    with running_server(small_repository) as server:
        server.control.unload("tiny")
        server.control.unload("tiny_tokenizer")
        assert wait_until(lambda: not stubs_of(server.pid, "tiny_tokenizer"), 10)
        time.sleep(0.5)
        assert server.restarts == 0


@pytest.mark.slow
def test_a_server_that_cannot_be_started_again_is_given_up_with_the_reason(tmp_path: Path) -> None:
    add_ensemble(tmp_path, "tiny", "onnxruntime")
    with running_server(tmp_path) as server:
        write(tmp_path / "tiny_tokenizer/1/model.py", "raise RuntimeError('spoilt')")
        stubs_of(server.pid)[0].kill()
        with pytest.raises(GaveUp, match="spoilt"):
            server.wait(120)


def _without_file(repository: Path) -> None:
    (repository / "tiny_model/1/model.onnx").unlink()


def _no_graph(repository: Path) -> None:
    write(repository / "tiny_model/1/model.onnx", "no graph")


def _other_output(repository: Path) -> None:
    for name in ("tiny", "tiny_model"):
        config = repository / name / "config.pbtxt"
        write(config, config.read_text(encoding="utf-8").replace('"logits"', '"scores"'))


def _other_type(repository: Path) -> None:
    config = repository / "tiny_model/config.pbtxt"
    write(config, config.read_text(encoding="utf-8").replace("TYPE_INT64", "TYPE_INT32"))
    config = repository / "tiny_tokenizer/config.pbtxt"
    write(config, config.read_text(encoding="utf-8").replace("TYPE_INT64", "TYPE_INT32"))


def _lacks_library(repository: Path) -> None:
    write(repository / "tiny_tokenizer/1/model.py", "import a_library_that_is_not_there")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without_file, r"tiny_model: the model file .*/repository/tiny_model/1/model\.onnx does not exist"),
        (_no_graph, r"tiny_model: .*model\.onnx"),
        (_other_output, r"'scores' is not in the graph, which has logits, ids"),
        (_other_type, r"'input_ids' is int64 in the graph, but int32 in the config"),
        (_lacks_library, r"tiny_tokenizer: .*No module named 'a_library_that_is_not_there'"),
    ],
)
def test_a_model_that_does_not_load_is_named_with_the_reason_in_one_line(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    add_ensemble(tmp_path / "repository", "tiny", "onnxruntime", network="instance_group { count: 1 }")
    spoil(tmp_path / "repository")
    with pytest.raises(NotReady, match=says) as raised, running_server(tmp_path / "repository"):
        pass
    assert "\n" not in str(raised.value)
    assert " tiny: " not in str(raised.value)


def test_a_backend_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    add_ensemble(tmp_path, "tiny", "onnxruntime")
    config = tmp_path / "tiny_model/config.pbtxt"
    write(config, config.read_text(encoding="utf-8").replace("onnxruntime", "tensorrt"))
    with (
        pytest.raises(MissingBackend, match=r"'tensorrt'.*onnxruntime, openvino, python, pytorch"),
        running_server(tmp_path),
    ):
        pass


def test_a_start_that_takes_too_long_is_ended_and_names_what_was_waited_for(small_repository: Path) -> None:
    server = Server(
        ServeSettings(repository=small_repository, http_port=0, grpc_port=0, metrics_port=0, timeout=0.1)
    )
    with pytest.raises(StartTimeout, match="tiny_tokenizer"):
        server.start()
    processes = [psutil.Process(server.pid)]
    server.stop()
    assert not processes[0].is_running()
