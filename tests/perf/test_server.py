"""What the network shows of a server, and how it is said when it shows something else."""

import pytest

from tests.perf.conftest import Recorder
from tritext.address import parse
from tritext_perf.errors import Encrypted, NotATextModel, ServerUnreachable, UnknownModel
from tritext_perf.server import Server


def test_without_a_version_the_highest_is_measured(recorder: Recorder) -> None:
    assert Server(recorder.address).model("echo").version == "10"


def test_a_model_without_steps_is_its_own_only_step(recorder: Recorder) -> None:
    (step,) = Server(recorder.address).model("echo").steps
    assert (step.name, step.backend) == ("echo", "python")


def test_an_unknown_model_is_told_with_those_that_are_ready(recorder: Recorder) -> None:
    with pytest.raises(UnknownModel, match=r"no ready model 'nosuch'; ready are echo\."):
        Server(recorder.address).model("nosuch")


def test_a_model_of_tensors_is_no_text_model(recorder: Recorder) -> None:
    recorder.input_type = "INT64"
    with pytest.raises(NotATextModel, match=r"got TEXT \(INT64 \[1\]\)"):
        Server(recorder.address).model("echo")


def test_a_server_without_failures_counts_none(recorder: Recorder) -> None:
    server = Server(recorder.address)
    assert server.failed(server.model("echo")) == 0


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_nobody_listening_is_one_sentence(scheme: str) -> None:
    with pytest.raises(ServerUnreachable, match=f"No Triton answers at {scheme}://127.0.0.1:1 "):
        Server(parse(f"{scheme}://127.0.0.1:1")).version()


def test_the_wrong_protocol_is_one_sentence(recorder: Recorder) -> None:
    with pytest.raises(ServerUnreachable):
        Server(parse(f"http://{recorder.address.target}")).version()


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_tls_is_refused_before_anything_is_sent(scheme: str) -> None:
    with pytest.raises(Encrypted):
        Server(parse(f"{scheme}://127.0.0.1:1"))
