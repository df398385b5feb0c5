"""Asking a running server, over plain HTTP and gRPC, and what is left on this machine when it is gone."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil
from tritonclient.grpc import service_pb2, service_pb2_grpc

UNAVAILABLE = {"OK", "UNAVAILABLE", "200", "503", "no connection"}
"""Every outcome that a client may meet while a server is started again."""


def infer(
    url: str, model: str, inputs: list[dict[str, Any]], outputs: list[str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and content of Triton's answer to one request."""
    body = {"inputs": inputs}
    if outputs:
        body["outputs"] = [{"name": name} for name in outputs]
    connection = http.client.HTTPConnection(url, timeout=60)
    try:
        connection.request("POST", f"/v2/models/{model}/infer", json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def infer_raw(url: str, model: str, name: str, shape: list[int], data: bytes, output: str) -> bytes:
    """One output's memory as it is, for one INT64 input, over gRPC."""
    asked = service_pb2.ModelInferRequest(
        model_name=model,
        inputs=[service_pb2.ModelInferRequest.InferInputTensor(name=name, datatype="INT64", shape=shape)],
        outputs=[service_pb2.ModelInferRequest.InferRequestedOutputTensor(name=output)],
        raw_input_contents=[data],
    )
    with grpc.insecure_channel(url) as channel:
        answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(asked, timeout=60)
    raw: bytes = answer.raw_output_contents[0]
    return raw


def texts(*given: str) -> list[dict[str, Any]]:
    return [{"name": "TEXT", "shape": [len(given), 1], "datatype": "BYTES", "data": list(given)}]


def rows(name: str, values: list[list[int]], datatype: str = "INT64") -> list[dict[str, Any]]:
    shape = [len(values), len(values[0])]
    return [{"name": name, "shape": shape, "datatype": datatype, "data": values}]


def data_of(answer: dict[str, Any]) -> dict[str, list[Any]]:
    return {output["name"]: output["data"] for output in answer["outputs"]}


class Load:
    """Users over HTTP and gRPC who ask the same again and again, and note what they get and when."""

    def __init__(self, http_url: str, grpc_url: str, model: str, *, users: int) -> None:
        self.outcomes: list[tuple[float, str]] = []
        self.longest = 0.0
        self._model = model
        self._done = threading.Event()
        kinds = (self._by_grpc(grpc_url), self._by_http(http_url))
        self._threads = [threading.Thread(target=self._user, args=(kinds[n % 2],)) for n in range(users)]

    def _user(self, connected: Callable[[], AbstractContextManager[Callable[[], str]]]) -> None:
        with connected() as ask:
            while not self._done.is_set():
                began = time.monotonic()
                outcome = ask()
                self.outcomes.append((time.monotonic(), outcome))
                self.longest = max(self.longest, time.monotonic() - began)
                if outcome not in {"OK", "200"}:
                    time.sleep(0.02)

    def _by_http(self, url: str) -> Callable[[], AbstractContextManager[Callable[[], str]]]:
        body = json.dumps({"inputs": texts("hello")})

        @contextmanager
        def connected() -> Iterator[Callable[[], str]]:
            with closing(http.client.HTTPConnection(url, timeout=30)) as connection:

                def ask() -> str:
                    try:
                        connection.request("POST", f"/v2/models/{self._model}/infer", body)
                        answer = connection.getresponse()
                        answer.read()
                    except (OSError, http.client.HTTPException):
                        connection.close()
                        return "no connection"
                    return str(answer.status)

                yield ask

        return connected

    def _by_grpc(self, url: str) -> Callable[[], AbstractContextManager[Callable[[], str]]]:
        options = [("grpc.max_reconnect_backoff_ms", 300), ("grpc.use_local_subchannel_pool", 1)]
        contents = service_pb2.InferTensorContents(bytes_contents=[b"hello"])
        tensor = service_pb2.ModelInferRequest.InferInputTensor(
            name="TEXT", datatype="BYTES", shape=[1, 1], contents=contents
        )
        request = service_pb2.ModelInferRequest(model_name=self._model, inputs=[tensor])

        @contextmanager
        def connected() -> Iterator[Callable[[], str]]:
            with grpc.insecure_channel(url, options) as channel:
                stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

                def ask() -> str:
                    try:
                        stub.ModelInfer(request, timeout=30)
                    except grpc.RpcError as error:
                        name: str = error.code().name
                        return name
                    return "OK"

                yield ask

        return connected

    def counts(self) -> Counter[str]:
        return Counter(outcome for _, outcome in self.outcomes)

    def good_after(self, moment: float) -> bool:
        """Whether both kinds of user have been answered after `moment`."""
        return {"OK", "200"} <= {outcome for when, outcome in self.outcomes if when > moment}

    def last_bad(self) -> float:
        return max((when for when, outcome in self.outcomes if outcome not in {"OK", "200"}), default=0.0)

    def __enter__(self) -> "Load":  # noqa: PYI034 - Self came with Python 3.11
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(40)
        assert not any(thread.is_alive() for thread in self._threads), "a request hangs"


def stubs_of(pid: int, instance: str = "") -> list[psutil.Process]:
    """The stub processes of a tritonserver, those of model instances whose name starts so."""
    children = psutil.Process(pid).children()
    return [child for child in children if child.cmdline() and child.cmdline()[-2].startswith(instance)]


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def shared_memory() -> set[Path]:
    return set(Path("/dev/shm").glob("tritext-*"))  # noqa: S108 - where Linux keeps it


@contextmanager
def nothing_left_of(processes: list[psutil.Process], place: Path, seconds: float = 15.0) -> Iterator[None]:
    """After the block these processes, what they mapped in shared memory, and their temporary folder are gone."""
    segments = {path for path in shared_memory() if any(path.name in _command(p) for p in processes)}
    assert segments
    yield
    assert wait_until(lambda: not any(map(_lives, processes)), seconds)
    assert wait_until(lambda: not segments & shared_memory() and not place.exists(), 5)


def _command(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
