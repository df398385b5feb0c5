"""The load generator, against a small real HTTP server."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from comparison import load
from comparison.load import Address
from comparison.processes import free_port

WAIT_S = 0.02


class Handler(BaseHTTPRequestHandler):
    """Answers the length of what it got after a while; refuses what says so; hangs up where it is told to."""

    protocol_version = "HTTP/1.1"
    at_once = 0
    most_at_once = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        cls = type(self)
        with cls.lock:
            cls.at_once += 1
            cls.most_at_once = max(cls.most_at_once, cls.at_once)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(WAIT_S)
        with cls.lock:
            cls.at_once -= 1
        if body == b"hang up":
            self.close_connection = True
            return
        answer = json.dumps({"length": len(body)}).encode()
        self.send_response(400 if body == b"bad" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@pytest.fixture
def address() -> Iterator[Address]:
    Handler.most_at_once = 0
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Address(port=server.server_address[1], path="/")
        server.shutdown()
        thread.join()


def requests(address: Address, *bodies: bytes) -> list[bytes]:
    return [address.request(body) for body in bodies]


def test_each_request_is_answered_in_its_place(address: Address) -> None:
    answers = load.ask_each(address, requests(address, b"a", b"bad", "drei€".encode()), users=2)
    assert [(status, json.loads(body)["length"]) for status, body in answers] == [
        (200, 1),
        (400, 3),
        (200, 7),
    ]


def test_a_closed_loop_has_as_many_at_once_as_there_are_users(address: Address) -> None:
    seen = load.closed(address, requests(address, b"a", b"b"), users=4, seconds=0.5, settle=0.1)
    assert Handler.most_at_once == 4
    assert seen.errors == 0
    assert min(seen.latencies) >= WAIT_S
    assert 0 < seen.throughput <= 4 / WAIT_S


def test_what_is_not_answered_well_is_an_error_and_the_load_goes_on(address: Address) -> None:
    seen = load.closed(address, requests(address, b"a", b"bad", b"hang up"), users=2, seconds=0.5, settle=0.0)
    assert seen.errors > 1
    assert seen.latencies


def test_random_arrivals_do_not_wait_for_answers(address: Address) -> None:
    seen = load.poisson(address, requests(address, b"a"), rate=200, seconds=0.5, seed=3, settle=0.0)
    due = len(list(load.arrivals(200, 0.5, 3)))
    assert len(seen.latencies) == due
    assert Handler.most_at_once > 1


def test_a_server_that_hangs_up_costs_one_answer_and_no_other(address: Address) -> None:
    answers = load.ask_each(address, requests(address, b"hang up", b"a", b"hang up", b"bb"), users=1)
    assert [status for status, _ in answers] == [0, 200, 0, 200]


def test_where_nobody_listens_there_is_no_load() -> None:
    with pytest.raises(OSError, match="refused"):
        load.closed(Address(port=free_port(), path="/"), [b"x"], users=2, seconds=0.1)
