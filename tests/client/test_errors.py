"""Every typed error, provoked for real, over both protocols, blocking and async."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from tests.client.conftest import Ask
from tritext import (
    AsyncClient,
    Client,
    ClientClosed,
    ClientError,
    DeadlineExceeded,
    IncompatibleModel,
    InvalidRequest,
    InvalidText,
    Label,
    ModelNotFound,
    Overloaded,
    RetryPolicy,
    ServerFailed,
    ServerUnavailable,
)
from tritext_serving import Server, running_server

ONCE = RetryPolicy(attempts=1)
SCHEMES = ("grpc", "http")


def test_an_unknown_model_is_not_found_and_the_others_are_named(ask: Ask) -> None:
    with pytest.raises(ModelNotFound, match=r"no model 'nope'; there are: tiny\."):
        ask("classify", "nope", "text")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\nb", "\udcff", "tiny/versions/1", None])
def test_what_can_be_no_name_is_not_found(ask: Ask, name: str) -> None:
    with pytest.raises(ModelNotFound):
        ask("classify", name, "text")


def test_an_unknown_version_is_not_found(ask: Ask) -> None:
    with pytest.raises(ModelNotFound, match="'tiny' version 9"):
        ask("classify", "tiny", "text", version=9)


@pytest.mark.parametrize("version", ["x", "0", "-1", "1/../1", "²"])
def test_what_can_be_no_version_is_refused(ask: Ask, version: str) -> None:
    with pytest.raises(InvalidRequest, match="a version is"):
        ask("classify", "tiny", "text", version=version)


def test_a_step_is_no_classifier(ask: Ask) -> None:
    with pytest.raises(IncompatibleModel, match="text-classification"):
        ask("classify", "tiny_tokenizer", "text")


def test_a_bad_text_among_many_is_named_by_its_place_in_the_call(ask: Ask) -> None:
    texts = [*["good"] * 100, "a " * 100, "good"]
    with pytest.raises(InvalidText, match="has 102 tokens, more than this model's 64") as caught:
        ask("classify", "tiny", texts, truncation="error")
    assert caught.value.row == 100


@pytest.mark.parametrize("text", ["\ud800", b"bytes", "half \udfff"])
def test_what_is_no_unicode_text_is_refused_before_sending(ask: Ask, text: str) -> None:
    with pytest.raises(InvalidText) as caught:
        ask("classify", "tiny", text)
    assert caught.value.row == 0


@pytest.mark.parametrize(
    "options",
    [
        *({"top_k": 0}, {"top_k": -(10**30)}, {"top_k": "many"}, {"function_to_apply": "relu"}),
        *({"truncation": "maybe"}, {"batch_size": 65}, {"batch_size": -1}, {"errors": "ignore"}),
    ],
)
def test_a_bad_option_is_refused_with_a_sentence(ask: Ask, options: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        ask("classify", "tiny", ["text"], **options)


@pytest.mark.parametrize("seconds", [0, -1, 1e-6, 1e-4])
def test_no_answer_comes_after_the_deadline(ask: Ask, seconds: float) -> None:
    with pytest.raises(DeadlineExceeded, match="No answer within"):
        ask("classify", "tiny", "text", timeout=seconds)


def test_a_client_works_on_after_a_deadline(client: Client) -> None:
    expected = client.classify("tiny", "text")
    for _ in range(3):
        with pytest.raises(DeadlineExceeded):
            client.classify("tiny", ["long text " * 500] * 64, timeout=0.001)
        assert client.classify("tiny", "text") == expected


def test_a_closed_client_says_so(url: str) -> None:
    client = Client(url)
    client.classify("tiny", "text")
    client.close()
    with pytest.raises(ClientClosed):
        client.classify("tiny", "text")


# ---- no Triton there


async def once(url: str, *, timeout: float = 5.0) -> list[Label]:
    async with AsyncClient(url, retry=ONCE, timeout=timeout) as client:
        return await client.classify("tiny", "text")


def both(url: str, expected: type[ClientError], *, timeout: float = 5.0) -> None:
    with Client(url, retry=ONCE, timeout=timeout) as client, pytest.raises(expected):
        client.classify("tiny", "text")
    with pytest.raises(expected):
        asyncio.run(once(url, timeout=timeout))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


@pytest.fixture
def dead_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_dead_port_is_a_server_unavailable(scheme: str, dead_port: int) -> None:
    both(f"{scheme}://127.0.0.1:{dead_port}", ServerUnavailable)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_silent_server_costs_the_timeout_and_no_more(scheme: str, silent_port: int) -> None:
    began = time.monotonic()
    both(f"{scheme}://127.0.0.1:{silent_port}", DeadlineExceeded, timeout=0.3)
    assert time.monotonic() - began < 5


def test_waiting_ends_with_its_time(dead_port: int) -> None:
    with Client(f"127.0.0.1:{dead_port}") as client, pytest.raises(ServerUnavailable, match=r"within 0.3 s"):
        client.wait_until_ready(timeout=0.3)


def test_waiting_for_a_model_that_is_not_there_ends_with_its_time(ask: Ask) -> None:
    with pytest.raises(ServerUnavailable, match="model 'nope' was not ready"):
        ask("wait_until_ready", "nope", timeout=0.3)


def test_a_port_of_the_other_protocol_is_named(server: Server) -> None:
    both(f"http://{server.grpc_url}", ServerFailed)
    both(f"grpc://{server.http_url}", ServerUnavailable)


class Page(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        body = b"<html>It works!</html>"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_web_server_is_no_triton(status: int) -> None:
    handler = type("Handler", (Page,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever, daemon=True)
        thread.start()
        both(f"http://127.0.0.1:{web.server_port}", ServerFailed)
        web.shutdown()
        thread.join()


# ---- a server in trouble


@pytest.fixture(scope="module")
def narrow(tiny_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose tokenizer lets one request wait."""
    repository = tmp_path_factory.mktemp("narrow") / "repository"
    shutil.copytree(tiny_repository, repository)
    config = repository / "tiny_tokenizer/config.pbtxt"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("max_queue_size: 4096", "max_queue_size: 1"), encoding="utf-8")
    assert text != config.read_text(encoding="utf-8")
    with running_server(repository) as running:
        yield running


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_full_queue_is_an_overload_and_retries_get_through(narrow: Server, scheme: str) -> None:
    url = f"{scheme}://{narrow.grpc_url if scheme == 'grpc' else narrow.http_url}"

    def outcomes(retry: RetryPolicy) -> set[str]:
        with Client(url, retry=retry, timeout=300) as client, ThreadPoolExecutor(24) as pool:
            return set(pool.map(partial(outcome, client), ["text " * 2000] * 60))

    assert outcomes(ONCE) == {"answered", Overloaded.__name__}
    patient = RetryPolicy(attempts=100_000, first=0.02, longest=0.1, burst=1_000_000)
    assert outcomes(patient) == {"answered"}


def outcome(client: Client, text: str) -> str:
    try:
        client.classify("tiny", text)
    except ClientError as error:
        return type(error).__name__
    return "answered"


@pytest.mark.slow
def test_a_killed_step_is_a_server_unavailable_and_patience_sees_it_back(narrow: Server) -> None:
    """Last in this module: the server starts again."""
    stub = next(
        child
        for child in psutil.Process(narrow.pid).children(recursive=True)
        if any("tiny_tokenizer" in part for part in child.cmdline())
    )
    patient = RetryPolicy(attempts=100, first=0.1, longest=0.5)
    with (
        Client(narrow.grpc_url, retry=ONCE) as hasty,
        Client(narrow.http_url.join(("http://", "")), retry=patient) as waiting,
    ):
        expected = waiting.classify("tiny", "text")
        hasty.classify("tiny", "text")
        stub.kill()
        seen = {outcome(hasty, "text") for _ in range(20)}
        assert waiting.classify("tiny", "text", timeout=60) == expected
    assert seen <= {"answered", "ServerUnavailable"}
    assert "ServerUnavailable" in seen
