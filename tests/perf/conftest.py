"""What the tests of the load measurements share: captured output, a perf_analyzer, and servers to aim it at."""

import struct
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from tritext.address import Address, parse
from tritext_perf import installation, output
from tritext_perf.errors import NoPerfAnalyzer
from tritext_perf.installation import PerfAnalyzer
from tritext_perf.measurement import Latency, Measurement, Stage, Window
from tritext_perf.scenario import Scenario

CAPTURED = Path(__file__).parent / "data"


def captured(name: str) -> output.Run:
    """The figures of a real run of perf_analyzer, kept in `data/`."""
    return output.read((CAPTURED / f"{name}.csv").read_text(), (CAPTURED / f"{name}.log").read_text())


def measurement(**changes: Any) -> Measurement:
    """A measurement like many, but for `changes`."""
    usual: dict[str, Any] = {
        "scenario": Scenario(kind="users", load=8),
        "requests": 900,
        "throughput": 100.0,
        "latency": Latency(mean=20.0, p50=18.0, p90=30.0, p95=35.0, p99=50.0),
        "windows": (Window(throughput=99.0, latency=20.0),) * 3,
        "spread": 0.02,
        "steady": True,
        "attempts": 1,
        "errors": 0,
        "late": 0.0,
        "stages": (
            Stage(name="tokenizer", queue=1.0, compute=2.0, average_batch=1.5),
            Stage(name="model", queue=3.0, compute=10.0, average_batch=4.0),
        ),
    }
    return Measurement(**{**usual, **changes})


@pytest.fixture(scope="session")
def perf_analyzer() -> PerfAnalyzer:
    try:
        return installation.find()
    except NoPerfAnalyzer as error:
        pytest.skip(str(error))


@dataclass
class Recorder(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """A server of Triton's protocol with the model `echo`, which keeps every text as the bytes that came."""

    received: list[bytes] = field(default_factory=list)
    address: Address = field(default_factory=lambda: parse("localhost"))
    input_type: str = "BYTES"

    def ServerLive(self, *_: Any) -> Any:  # noqa: N802
        return service_pb2.ServerLiveResponse(live=True)

    def ServerReady(self, *_: Any) -> Any:  # noqa: N802
        return service_pb2.ServerReadyResponse(ready=True)

    def ModelReady(self, *_: Any) -> Any:  # noqa: N802
        return service_pb2.ModelReadyResponse(ready=True)

    def ServerMetadata(self, *_: Any) -> Any:  # noqa: N802
        return service_pb2.ServerMetadataResponse(name="recorder", version="1")

    def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.name != "echo":
            context.abort(grpc.StatusCode.NOT_FOUND, "Request for unknown model")
        answer = service_pb2.ModelMetadataResponse(name="echo", versions=["2", "10"], platform="python")
        answer.inputs.add(name="TEXT", datatype=self.input_type, shape=[-1, 1])
        answer.outputs.add(name="OK", datatype="BYTES", shape=[-1, 1])
        return answer

    def ModelConfig(self, *_: Any) -> Any:  # noqa: N802
        config = model_config_pb2.ModelConfig(name="echo", backend="python", max_batch_size=8)
        config.input.add(name="TEXT", data_type=model_config_pb2.TYPE_STRING, dims=[1])
        config.output.add(name="OK", data_type=model_config_pb2.TYPE_STRING, dims=[1])
        return service_pb2.ModelConfigResponse(config=config)

    def RepositoryIndex(self, *_: Any) -> Any:  # noqa: N802
        answer = service_pb2.RepositoryIndexResponse()
        answer.models.add(name="echo", version="10", state="READY")
        answer.models.add(name="gone", version="1", state="UNAVAILABLE")
        return answer

    def ModelStatistics(self, *_: Any) -> Any:  # noqa: N802
        counted = len(self.received)
        return service_pb2.ModelStatisticsResponse(
            model_stats=[
                service_pb2.ModelStatistics(
                    name="echo", version="10", inference_count=counted, execution_count=counted
                )
            ]
        )

    def ModelInfer(self, request: Any, _: Any) -> Any:  # noqa: N802
        tensor = request.raw_input_contents[0]
        (length,) = struct.unpack("<I", tensor[:4])
        assert length == len(tensor) - 4
        self.received.append(tensor[4:])
        answer = service_pb2.ModelInferResponse(model_name="echo", model_version="10", id=request.id)
        answer.outputs.add(name="OK", datatype="BYTES", shape=[1, 1])
        answer.raw_output_contents.append(struct.pack("<I", 0))
        return answer


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with futures.ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool)
        servicer = Recorder()
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
        servicer.address = parse(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        yield servicer
        server.stop(None).wait()
