"""A caller's span, the server's spans below it, down to the model's step; and no text in any of them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider

from tritext import Client
from tritext.tracing import headers
from tritext_serving import ServeSettings, running_server
from tritext_serving.tracing import BadCollector, arguments

TEXT = "what nobody but the model is to read"


class Receiver(ThreadingHTTPServer):
    """Takes traces as OTLP over HTTP says: in protobuf or JSON, https://opentelemetry.io/docs/specs/otlp/#otlphttp."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []
        self.spans: list[dict[str, Any]] = []
        self.arrived = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, kind: str, body: bytes) -> None:
        export = ExportTraceServiceRequest()
        if kind == "application/json":
            # The one thing in which OTLP's JSON is not protobuf's: identifiers are hexadecimal, which has to hold for base64.
            json_format.Parse(body, export)
            document = json.loads(body)
        else:
            document = json_format.MessageToDict(ExportTraceServiceRequest.FromString(body))
        with self.arrived:
            self.bodies.append(body)
            for resource in document["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    self.spans += scope["spans"]
            self.arrived.notify_all()

    def wait_for(self, name: str, trace_id: str) -> dict[str, Any]:
        """The span of that name in that trace."""

        def found() -> dict[str, Any] | None:
            return next((s for s in self.spans if s["name"] == name and s["traceId"] == trace_id), None)

        with self.arrived:
            assert self.arrived.wait_for(lambda: found() is not None, timeout=30), (name, self.spans)
            span = found()
            assert span is not None
            return span


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        self.server.take(self.headers["Content-Type"], body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def urls(receiver: Receiver, tiny_only: Path) -> Iterator[dict[str, str]]:
    with running_server(tiny_only, trace_otlp=receiver.url, trace_rate=1) as server:
        yield {"grpc": f"grpc://{server.grpc_url}", "http": f"http://{server.http_url}"}


@pytest.fixture(scope="module")
def tiny_only(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of the shared repository."""
    folder = tmp_path_factory.mktemp("traced")
    for name in ("tiny", "tiny_tokenizer", "tiny_model", "tiny_postprocess"):
        (folder / name).symlink_to(repository / name)
    return folder


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_callers_trace_goes_on_to_the_models_step(
    receiver: Receiver, urls: dict[str, str], protocol: str
) -> None:
    """Also where a stream's requests are sent by other threads than the caller's."""
    tracer = TracerProvider().get_tracer("caller")
    with Client(urls[protocol]) as client, tracer.start_as_current_span("ask") as asked:
        list(client.stream("tiny", [TEXT] * 2, batch_size=1))
    trace_id = format(asked.get_span_context().trace_id, "032x")
    ensemble = receiver.wait_for("tiny", trace_id)
    step = receiver.wait_for("tiny_model", trace_id)
    assert step["parentSpanId"] == ensemble["spanId"]
    top = receiver.wait_for("InferRequest", trace_id)
    assert top["parentSpanId"] == format(asked.get_span_context().span_id, "016x")


def test_no_text_leaves_with_a_trace(receiver: Receiver, urls: dict[str, str]) -> None:
    with Client(urls["grpc"]) as client:
        client.classify("tiny", TEXT)
    assert not [body for body in receiver.bodies if TEXT.encode() in body]


def test_without_a_span_nothing_is_sent_along() -> None:
    assert headers() == {}


def test_baggage_stays_with_the_caller() -> None:
    from opentelemetry import baggage, context

    token = context.attach(baggage.set_baggage("customer", "4711"))
    try:
        with TracerProvider().get_tracer("caller").start_as_current_span("ask"):
            assert set(headers()) == {"traceparent"}
    finally:
        context.detach(token)
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://collector/own/path", "https://collector/own/path"),
    ],
)
def test_a_collector_is_named_as_others_name_it(given: str, expected: str) -> None:
    options = arguments(ServeSettings(trace_otlp=given, trace_rate=7))
    assert f"--trace-config=opentelemetry,url={expected}" in options
    assert "--trace-config=rate=7" in options


def test_what_is_no_collector_is_refused() -> None:
    with pytest.raises(BadCollector, match="not 'collector:4318'"):
        arguments(ServeSettings(trace_otlp="collector:4318"))


def test_tensors_are_never_traced() -> None:
    options = arguments(ServeSettings(trace_otlp="http://collector:4318"))
    assert "--trace-config=level=TIMESTAMPS" in options
    assert not [option for option in options if "TENSORS" in option]
