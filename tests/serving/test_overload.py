"""Who is let in is answered in time, who is not learns it at once; what nobody waits for is not computed; bulk work waits."""

import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tests.serving.asking import infer, texts, wait_until
from tests.serving.repositories import add_ensemble, write
from tritext import Client, DeadlineExceeded, Overloaded, RetryPolicy
from tritext_build.runtime import backlog
from tritext_serving import Server, plan, queues, repository, running_server

ONE = "instance_group { count: 1 kind: KIND_CPU }"
WAITING = 3
"""Requests that may wait before the tokenizer of the server here, which takes one at a time."""

POLICY = (
    "timeout_action: REJECT default_timeout_microseconds: 8000000 allow_timeout_override: true "
    f"max_queue_size: {WAITING}"
)
ONCE = RetryPolicy(attempts=1)
STEP_S = 0.3


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Embeddings by a tokenizer that sleeps for as long as its text says, one text at a time."""
    folder = tmp_path_factory.mktemp("slow")
    add_ensemble(folder, "slow", "onnxruntime", network=ONE)
    for config in folder.glob("*/config.pbtxt"):
        text = config.read_text(encoding="utf-8").replace("max_batch_size: 64", "max_batch_size: 1")
        write(config, text.replace("LOGITS", "EMBEDDING"))
    _add(folder / "slow", 'parameters { key: "task" value { string_value: "feature-extraction" } }')
    tokenizer = folder / "slow_tokenizer/config.pbtxt"
    batching = f"""dynamic_batching {{ priority_levels: 2 default_priority_level: 1
      default_queue_policy {{ {POLICY} }} priority_queue_policy {{ key: 2 value {{ {POLICY} }} }} }}"""
    before = tokenizer.read_text(encoding="utf-8")
    write(tokenizer, before.partition("dynamic_batching")[0] + batching)
    with running_server(folder) as server:
        yield server


def _add(folder: Path, text: str) -> None:
    path = folder / "config.pbtxt"
    write(path, f"{path.read_text(encoding='utf-8')}\n{text}")


def _computed(server: Server, name: str) -> int:
    """Rows that a step has computed."""
    return next(int(row["inference_count"]) for row in server.control.statistics() if row["name"] == name)


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_full_queue_refuses_at_once_and_answers_what_it_took(slow: Server, scheme: str) -> None:
    url = f"{scheme}://{slow.grpc_url if scheme == 'grpc' else slow.http_url}"
    with Client(url, retry=ONCE) as client, ThreadPoolExecutor(20) as pool:
        client.embed("slow", "to be known")

        def timed(number: int) -> tuple[bool, float]:
            time.sleep(0.02 * number)
            began = time.monotonic()
            try:
                client.embed("slow", f"sleep {STEP_S}")
            except Overloaded:
                return False, time.monotonic() - began
            return True, time.monotonic() - began

        outcomes = list(pool.map(timed, range(12)))
    refused = [seconds for answered, seconds in outcomes if not answered]
    answered = [seconds for answered, seconds in outcomes if answered]
    # Beside those that wait, one is computed, and Triton holds one ready for when it is done.
    assert WAITING + 1 <= len(answered) <= WAITING + 2
    assert max(refused) < STEP_S
    assert max(answered) > STEP_S * WAITING


def test_over_plain_http_a_full_queue_is_a_503(slow: Server) -> None:
    with ThreadPoolExecutor(12) as pool:
        asked = list(pool.map(lambda _: infer(slow.http_url, "slow", texts(f"sleep {STEP_S}")), range(12)))
    assert {status for status, _ in asked} == {200, 503}
    assert all("maximum queue size" in answer["error"] for status, answer in asked if status == 503)


def test_what_nobody_waits_for_any_more_is_not_computed(slow: Server) -> None:
    """The client's deadline is the server's: it is told of it, and lets go of what is too late."""
    with Client(slow.grpc_url, retry=ONCE) as client:
        client.embed("slow", "to be known")
        before = _computed(slow, "slow_model")
        with _busy(slow, seconds=1.5):
            for _ in range(2):
                with pytest.raises(DeadlineExceeded):
                    client.embed("slow", "too late", timeout=0.2)
        assert wait_until(lambda: _computed(slow, "slow_model") >= before + 1, 5)
        time.sleep(0.2)
        assert _computed(slow, "slow_model") == before + 1


def test_a_deadline_over_http_ends_the_wait_with_503(slow: Server) -> None:
    with _busy(slow, seconds=1.5):
        connection = http.client.HTTPConnection(slow.http_url, timeout=30)
        body = {"inputs": texts("too late"), "parameters": {"timeout": 200_000}}
        began = time.monotonic()
        connection.request("POST", "/v2/models/slow/infer", json.dumps(body))
        answer = connection.getresponse()
        assert (answer.status, b"timeout expired" in answer.read()) == (503, True)
        assert time.monotonic() - began < 1.5
        connection.close()


def test_bulk_work_lets_everything_else_go_first(slow: Server) -> None:
    order: list[str] = []
    with Client(slow.grpc_url, bulk=True) as bulk, Client(slow.grpc_url) as interactive:
        for client in (bulk, interactive):
            client.embed("slow", "to be known")

        def ask(client: Client, kind: str) -> None:
            client.embed("slow", f"sleep {STEP_S}")
            order.append(kind)

        asking = [(bulk, "bulk")] * WAITING + [(interactive, "interactive")] * 2
        threads = [threading.Thread(target=ask, args=each) for each in asking]
        with _busy(slow, seconds=1.0):
            for thread in threads:
                thread.start()
                time.sleep(0.1)
        for thread in threads:
            thread.join()
    # One may have been held ready, as what comes next, before the others came.
    assert order[1:3] == ["interactive"] * 2 or order[:2] == ["interactive"] * 2
    assert order[-2:] == ["bulk"] * 2


class _busy:  # noqa: N801 - used as a `with` statement
    """The tokenizer is at work for `seconds` from the beginning of the block, which waits for its end."""

    def __init__(self, server: Server, *, seconds: float) -> None:
        self._asking = threading.Thread(
            target=infer, args=(server.http_url, "slow", texts(f"sleep {seconds}"))
        )

    def __enter__(self) -> None:
        self._asking.start()
        time.sleep(0.3)

    def __exit__(self, *_: object) -> None:
        self._asking.join()


# ---- how long queues are

Measured = Callable[..., ModelConfig]


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    """The config of a step as it is served for two seconds of work, by what its build measured."""

    def config(
        rows_per_second: float, most_rows: int, step: str = "model", *, holds: bool = False
    ) -> ModelConfig:
        shutil.rmtree(tmp_path / "repository", ignore_errors=True)
        built = (
            "dynamic_batching { default_queue_policy { default_timeout_microseconds: 30000000 "
            "max_queue_size: 4096 } }"
        )
        add_ensemble(tmp_path / "repository", "tiny", "onnxruntime", network=ONE)
        path = tmp_path / f"repository/tiny_{step}/config.pbtxt"
        write(path, path.read_text(encoding="utf-8").partition("dynamic_batching")[0] + built + ONE)
        if holds:
            write(tmp_path / "repository/tiny_tokenizer/1" / queues.HOLDS, "")
        manifest = {"rows_per_second": rows_per_second, "max_batch_size": most_rows}
        write(tmp_path / "repository/tiny_tokenizer/1/manifest.json", json.dumps(manifest))
        model = repository.read(tmp_path / "repository").models[f"tiny_{step}"]
        return plan.completed(model, plan.Parallelism(instances=1, threads=1, queue_s=2.0))

    return config


@pytest.mark.parametrize(
    ("rate", "most_rows", "size", "seconds"),
    [(500, 64, 1000, 4), (10, 64, 64, 25.6), (1e6, 64, 4096, 4), (20, 256, 64, 30), (100, 256, 200, 10.24)],
)
def test_a_queue_holds_what_is_answered_in_time_and_no_request_waits_without_end(
    measured: Measured, rate: float, most_rows: int, size: int, seconds: float
) -> None:
    batching = measured(rate, most_rows).dynamic_batching
    policy = batching.default_queue_policy
    assert (policy.max_queue_size, policy.default_timeout_microseconds) == (size, seconds * 1e6)
    assert policy.allow_timeout_override
    bulk = batching.priority_queue_policy[queues.BULK]
    assert (bulk.max_queue_size, bulk.default_timeout_microseconds) == (size, 30e6)
    assert (batching.priority_levels, batching.default_priority_level) == (queues.BULK, queues.INTERACTIVE)


def test_where_the_first_step_holds_back_it_alone_has_a_queue(measured: Measured) -> None:
    """Triton forms a step's next batch while one is computed only if the step's queue knows no limits."""
    first = measured(500, 64, "tokenizer", holds=True)
    assert first.dynamic_batching.default_queue_policy.max_queue_size == 900
    assert first.parameters[queues.BEHIND].string_value == "100"
    assert [
        queues.Rate(rows_per_second=10, most_rows=64, holds=True).behind(busy) for busy in (16, 1024)
    ] == [64, 2048]
    behind = measured(500, 64, "model", holds=True).dynamic_batching
    assert not behind.HasField("default_queue_policy")
    assert (behind.priority_levels, len(behind.priority_queue_policy)) == (0, 0)


def test_where_the_first_step_takes_requests_one_by_one_the_network_has_the_queue(
    measured: Measured, tmp_path: Path
) -> None:
    measured(500, 64, holds=True)
    first = tmp_path / "repository/tiny_tokenizer"
    write(first / "1/config.pbtxt", "max_batch_size: 0")
    model = repository.read(tmp_path / "repository").models["tiny_model"]
    config = plan.completed(model, plan.Parallelism(instances=1, threads=1, queue_s=2.0))
    assert config.dynamic_batching.default_queue_policy.max_queue_size == 1000


def test_both_sides_of_the_queue_use_the_same_words() -> None:
    assert (backlog.MOST, backlog.PAGE, Path(backlog.__file__).name) == (
        queues.BEHIND,
        queues.PAGE,
        queues.HOLDS,
    )


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_without_a_rate_queues_stay_as_they_are_written(measured: Measured, rate: float) -> None:
    assert measured(rate, 64).dynamic_batching.default_queue_policy.max_queue_size == 4096
