"""The first step lets in what the network has room for: one queue, which refuses before any work was done."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.serving.asking import infer, texts
from tests.serving.repositories import write
from tests.support.families import make
from tritext_build import BuildRequest, build
from tritext_build.runtime import backlog
from tritext_build.runtime.backlog import GAUGE, PAUSE, Backlog
from tritext_serving import Server, running_server

NETWORK = "tickets_model@3"


class Page(BaseHTTPRequestHandler):
    """Triton's page of metrics; each answer takes the next number of those that wait, the last one stays."""

    waiting: list[int]
    read = 0

    def do_GET(self) -> None:
        cls = type(self)
        cls.read += 1
        number = cls.waiting.pop(0) if len(cls.waiting) > 1 else cls.waiting[0]
        lines = [
            f'{GAUGE}{{model="{model}",version="1"}} {count}'
            for model, count in ((NETWORK, number), ("others_model", 999))
        ]
        body = "\n".join(["# HELP …", *lines]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


Showing = Callable[..., tuple[Backlog, type[Page]]]


@pytest.fixture
def showing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Showing]:
    """A first step whose page shows these numbers one after the other."""
    servers: list[HTTPServer] = []

    def show(*waiting: int, most: int = 10) -> tuple[Backlog, type[Page]]:
        page = type("Shown", (Page,), {"waiting": list(waiting)})
        server = HTTPServer(("127.0.0.1", 0), page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv(backlog.PAGE, f"http://127.0.0.1:{server.server_port}/metrics")
        config = {"parameters": {backlog.MOST: {"string_value": str(most)}}}
        return Backlog({"model_name": "tickets_tokenizer@3", "model_config": json.dumps(config)}), page

    yield show
    for server in servers:
        server.shutdown()
        server.server_close()


def test_nothing_is_asked_while_too_little_was_let_in_to_fill_the_queue(showing: Showing) -> None:
    first, page = showing(0)
    for _ in range(9):
        first.wait()
        first.add(1, 1)
    assert page.read == 0
    first.add(1, 1)
    first.wait()
    assert page.read == 1


def test_it_waits_for_as_long_as_the_queue_is_full(showing: Showing) -> None:
    first, page = showing(30, 20, 10, 9)
    first.add(10, 10)
    began = time.monotonic()
    first.wait()
    assert page.read == 4
    assert time.monotonic() - began >= 3 * PAUSE


def test_large_requests_fill_it_sooner_but_some_always_have_room(showing: Showing) -> None:
    first, page = showing(backlog.FEWEST, 0, most=64)
    for _ in range(50):
        first.add(1, 64)
    first.wait()
    assert page.read == 2


def test_without_a_page_or_an_order_nothing_is_held(
    showing: Showing, monkeypatch: pytest.MonkeyPatch
) -> None:
    unordered, page = showing(999, most=0)
    unordered.add(999, 999)
    unordered.wait()
    assert page.read == 0
    monkeypatch.setenv(backlog.PAGE, "http://127.0.0.1:9/metrics")
    config = {"parameters": {backlog.MOST: {"string_value": "1"}}}
    alone = Backlog({"model_name": "tickets_tokenizer", "model_config": json.dumps(config)})
    alone.add(999, 999)
    alone.wait()


def test_a_network_that_hangs_does_not_hang_the_first_step(
    showing: Showing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "LONGEST", 0.2)
    first, _ = showing(999)
    first.add(10, 10)
    began = time.monotonic()
    first.wait()
    assert time.monotonic() - began >= 0.2


# ---- in a real server


SLOW = """
import time
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        time.sleep(0.1)
        return [self.answer(request) for request in requests]

    def answer(self, request):
        rows = len(pb_utils.get_input_tensor_by_name(request, "input_ids").as_numpy())
        zeros = np.zeros((rows, 3), np.float32)
        return pb_utils.InferenceResponse([pb_utils.Tensor(n, zeros) for n in ("logits", "probabilities")])
"""
"""A network that computes eight rows in a tenth of a second."""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Server]:
    """A built classifier whose network is slow."""
    repository = tmp_path / "repository"
    build(BuildRequest(checkpoint=str(make(tmp_path / "tiny")), name="slow", repository=repository))
    config = repository / "slow_model/config.pbtxt"
    text = config.read_text(encoding="utf-8").replace('backend: "onnxruntime"', 'backend: "python"')
    batches = "dynamic_batching {\n  preferred_batch_size: 8"
    write(config, text.replace("dynamic_batching {", batches) + "instance_group { count: 1 kind: KIND_CPU }")
    write(repository / "slow_model/1/model.py", SLOW)
    shutil.rmtree(repository / "slow_model/1/__pycache__", ignore_errors=True)
    manifest = repository / "slow_tokenizer/1/manifest.json"
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    write(manifest, json.dumps({**facts, "rows_per_second": 80.0}))
    with running_server(repository, queue_limit=1.0) as server:
        yield server


def test_what_is_refused_was_not_tokenized_and_little_waits_behind_the_tokenizer(slow: Server) -> None:
    most = {"slow_model": 0.0}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            most["slow_model"] = max(most["slow_model"], _waiting(slow, "slow_model"))

    looking = threading.Thread(target=look)
    looking.start()
    with ThreadPoolExecutor(250) as pool:
        statuses = [
            status for status, _ in pool.map(lambda _: infer(slow.http_url, "slow", texts("a")), range(250))
        ]
    over.set()
    looking.join()
    answered = statuses.count(200)
    assert {*statuses} == {200, 503}
    assert _tokenized(slow) == answered
    # 64 rows may wait; one batch of the tokenizer's, of 64 again, may come on top.
    assert most["slow_model"] <= 128


def _waiting(server: Server, model: str) -> float:
    with urlopen(server.metrics_url, timeout=10) as page:  # noqa: S310
        lines = page.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f'{GAUGE}{{model="{model}"'))


def _tokenized(server: Server) -> int:
    return next(
        int(r["inference_count"]) for r in server.control.statistics() if r["name"] == "slow_tokenizer"
    )
