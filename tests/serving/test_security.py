"""Strangers may ask models, and nothing else; with TLS nothing is said in the clear; names lead nowhere else."""

import http.client
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.serving.asking import infer, texts
from tests.serving.certificates import Authority, Signed
from tritext import Client, InvalidRequest, ModelNotFound, NotAllowed, ServerUnavailable, Tls, access
from tritext.access import BadKeyFile
from tritext.registry.errors import BadName as RegistersBadName
from tritext.registry.sources import checked_name
from tritext.tls import BadTls
from tritext_build.errors import BadName as BuildsBadName
from tritext_build.layout import check_name
from tritext_serving import Server, ServeSettings, request_size, running_server, tls
from tritext_serving.access import headers_for
from tritext_serving.control import Control
from tritext_serving.errors import KeyWanted
from tritext_serving.tls import BadCertificate, TlsIncomplete

EVERYWHERE = "0.0.0.0"  # noqa: S104 - to see where it does not listen all the same
ELSEWHERE = "127.0.0.2"
"""An address of this machine that a server on 127.0.0.1 does not listen at, and one on 0.0.0.0 does."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def own(authority: Authority) -> Signed:
    """What a client is known by."""
    return authority.signed("client")


@pytest.fixture(scope="module")
def guarded(
    small_repository: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with everything on: TLS both ways, and a key that it made up."""
    server = authority.signed("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(access.KEY_FILE, raising=False)
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        files = {"tls_cert": server.certificate, "tls_key": server.key, "tls_ca": authority.path}
        with running_server(small_repository, host=EVERYWHERE, **files) as running:
            yield running


@pytest.fixture(scope="module")
def channel(guarded: Server, authority: Authority, own: Signed) -> Iterator[grpc.Channel]:
    credentials = grpc.ssl_channel_credentials(
        authority.path.read_bytes(), own.key.read_bytes(), own.certificate.read_bytes()
    )
    with grpc.secure_channel(guarded.grpc_url, credentials) as opened:
        yield opened


def ask(
    url: str, method: str, path: str, body: str = "{}", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """The answer to a request whose path is sent as it is."""
    with closing(http.client.HTTPConnection(url, timeout=30)) as connection:
        connection.request(method, path, None if method == "GET" else body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


# ---- without a key

REGION = json.dumps({"key": "/somewhere", "offset": 0, "byte_size": 8})
CLOSED_OVER_HTTP = [
    ("POST", "/v2/repository/index", "{}"),
    ("POST", "/v2/repository/models/tiny/load", "{}"),
    ("POST", "/v2/repository/models/tiny/unload", "{}"),
    ("GET", "/v2/systemsharedmemory/status", ""),
    ("POST", "/v2/systemsharedmemory/region/a/register", REGION),
    ("POST", "/v2/systemsharedmemory/unregister", "{}"),
    ("GET", "/v2/cudasharedmemory/status", ""),
    ("GET", "/v2/logging", ""),
    ("POST", "/v2/logging", '{"log_verbose_level": 1}'),
    ("GET", "/v2/trace/setting", ""),
    ("POST", "/v2/trace/setting", '{"trace_file": "/tmp/everything"}'),
    ("POST", "/v2/models/tiny/trace/setting", "{}"),
]
CLOSED_OVER_GRPC: list[tuple[str, Any]] = [
    ("RepositoryIndex", service_pb2.RepositoryIndexRequest()),
    ("RepositoryModelLoad", service_pb2.RepositoryModelLoadRequest(model_name="tiny")),
    ("RepositoryModelUnload", service_pb2.RepositoryModelUnloadRequest(model_name="tiny")),
    ("SystemSharedMemoryStatus", service_pb2.SystemSharedMemoryStatusRequest()),
    (
        "SystemSharedMemoryRegister",
        service_pb2.SystemSharedMemoryRegisterRequest(name="a", key="/a", byte_size=8),
    ),
    ("CudaSharedMemoryStatus", service_pb2.CudaSharedMemoryStatusRequest()),
    ("LogSettings", service_pb2.LogSettingsRequest()),
    ("TraceSetting", service_pb2.TraceSettingRequest()),
]


@pytest.mark.parametrize(("method", "path", "body"), CLOSED_OVER_HTTP)
def test_over_http_a_stranger_controls_nothing(guarded: Server, method: str, path: str, body: str) -> None:
    for headers in ({}, {access.HEADER: "guessed"}, {access.HEADER: ""}):
        status, answer = ask(guarded.http_url, method, path, body, headers)
        assert status == 403
        assert "restricted" in answer


@pytest.mark.parametrize(("method", "request_"), CLOSED_OVER_GRPC)
def test_over_grpc_a_stranger_controls_nothing(channel: grpc.Channel, method: str, request_: Any) -> None:
    call = getattr(service_pb2_grpc.GRPCInferenceServiceStub(channel), method)
    for key in ("guessed", None):
        metadata = list(access.headers(key, grpc=True).items()) if key else []
        with pytest.raises(grpc.RpcError, match="restricted"):
            call(request_, metadata=metadata, timeout=30)


def test_a_stranger_may_ask_models_and_see_which_there_are(
    guarded: Server, authority: Authority, own: Signed
) -> None:
    assert infer(guarded.http_url, "tiny", texts("hello"))[0] == 200
    mutual = Tls(ca=authority.path, certificate=own.certificate, key=own.key)
    with Client(guarded.grpc_url, tls=mutual) as over_grpc, Client(f"http://{guarded.http_url}") as over_http:
        for client in (over_grpc, over_http):
            names = {model.name for model in client.models(everything=True)}
            assert names == {"tiny", "tiny_tokenizer", "tiny_model"}


# ---- with the key


def test_who_starts_a_server_controls_it_without_being_told_the_key(guarded: Server) -> None:
    port = guarded.endpoints.http
    kept = access.local_file(port)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert Control(url=f"127.0.0.1:{port}").index()
    assert not headers_for(f"192.0.2.1:{port}"), "the key must not be sent to another machine"
    kept.chmod(0o000)
    if os.getuid():
        with pytest.raises(KeyWanted):
            Control(url=f"127.0.0.1:{port}").index()
    kept.chmod(0o600)


def test_the_key_stands_in_no_command_line_and_in_no_environment_of_the_server(guarded: Server) -> None:
    key = guarded.control.headers[access.HEADER] if guarded.control.headers else ""
    assert len(key) >= access.SHORTEST
    ours = psutil.Process()
    processes = [psutil.Process(guarded.pid), *psutil.Process(guarded.pid).children(recursive=True)]
    for process in [*ours.children(recursive=True), *processes]:
        assert key not in " ".join(process.cmdline())
    for process in processes:
        assert key not in " ".join(process.environ().values())


def test_a_key_of_ones_own_is_read_from_a_file_and_never_written_anywhere(
    small_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "key"
    file.write_text("a-key-for-this-test-only\n", encoding="utf-8")
    log: list[str] = []
    with running_server(small_repository, api_key_file=file) as server:
        assert server.control.index()
        assert not access.local_file(server.endpoints.http).exists()
        with pytest.raises(KeyWanted, match="TRITEXT_API_KEY_FILE"):
            Control(url=server.http_url).index()
        monkeypatch.setenv(access.KEY_FILE, str(file))
        assert Control(url=server.http_url).index()
        with Client(server.grpc_url) as client:
            assert client.models(everything=True)
    assert not log


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "0 characters"), ("short", "5 characters"), ("two words that are long", "several words")],
)
def test_a_file_without_a_good_key_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "key"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadKeyFile, match=says):
        access.read_key(file)


def test_a_client_is_told_that_it_lacks_the_key_and_does_not_try_again(guarded: Server) -> None:
    """Triton says UNAVAILABLE over gRPC, which otherwise passes."""
    from tritext.failures import failure

    for status in ("UNAVAILABLE", "403"):
        sentence = "This protocol is restricted, expecting header 'triton-grpc-protocol-tritext-key'"
        error = failure(status, sentence)
        assert isinstance(error, NotAllowed)
        assert isinstance(error, InvalidRequest)
        assert "TRITEXT_API_KEY_FILE" in str(error)
    with pytest.raises(KeyWanted):
        Control(url=guarded.http_url, headers={}).index()


# ---- TLS


def test_with_tls_plaintext_is_refused(guarded: Server, own: Signed, authority: Authority) -> None:
    with Client(guarded.grpc_url, timeout=5) as plain, pytest.raises(ServerUnavailable):
        plain.wait_until_ready(timeout=0.5)
    for port in (guarded.endpoints.http, guarded.endpoints.metrics):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((ELSEWHERE, port), timeout=5)
    socket.create_connection((ELSEWHERE, guarded.endpoints.grpc), timeout=5).close()
    with (
        Client(f"grpcs://{guarded.grpc_url}", tls=Tls(ca=authority.path)) as nameless,
        pytest.raises(ServerUnavailable),
    ):
        nameless.wait_until_ready(timeout=0.5)
    mutual = Tls(ca=authority.path, certificate=own.certificate, key=own.key)
    with Client(guarded.grpc_url, tls=mutual) as known:
        known.wait_until_ready("tiny", timeout=10)


def test_a_client_trusts_no_other_authority(guarded: Server, own: Signed, tmp_path: Path) -> None:
    other = Tls(ca=Authority(tmp_path, "another").path, certificate=own.certificate, key=own.key)
    with Client(guarded.grpc_url, tls=other) as client, pytest.raises(ServerUnavailable):
        client.wait_until_ready(timeout=0.5)


def test_the_environment_may_say_whom_to_trust(
    guarded: Server, authority: Authority, own: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITEXT_TLS_CA", str(authority.path))
    monkeypatch.setenv("TRITEXT_TLS_CERT", str(own.certificate))
    monkeypatch.setenv("TRITEXT_TLS_KEY", str(own.key))
    with Client(f"grpcs://{guarded.grpc_url}") as client:
        client.wait_until_ready("tiny", timeout=10)


def test_files_that_do_not_do_are_refused_before_anything_starts(
    authority: Authority, own: Signed, tmp_path: Path
) -> None:
    other = authority.signed("other")
    cases: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"tls_cert": own.certificate}, TlsIncomplete),
        ({"tls_ca": authority.path}, TlsIncomplete),
        ({"tls_cert": own.certificate, "tls_key": other.key}, BadCertificate),
        ({"tls_cert": tmp_path / "none", "tls_key": own.key}, BadCertificate),
        ({"tls_cert": own.certificate, "tls_key": own.key, "tls_ca": own.key}, BadCertificate),
    ]
    for given, error in cases:
        with pytest.raises(error):
            tls.check(ServeSettings(**given))
    with pytest.raises(BadTls, match="come together"):
        Tls(certificate=own.certificate)
    with pytest.raises(BadTls, match="no file"):
        Tls(ca=tmp_path / "none")


# ---- names and paths

BAD_NAMES = ["../tiny", "../../etc/passwd", "/etc/passwd", "tiny/../tiny", "..", ".", "", "a\nb"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_client_sends_no_name_that_is_a_path(guarded: Server, name: str) -> None:
    with Client(f"http://{guarded.http_url}") as client, pytest.raises((ModelNotFound, InvalidRequest)):
        client.classify(name, "text")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/../config",
        "/v2/models/..%2f..%2fetc/config",
        "/v2/models/%2fetc%2fpasswd/config",
        "/v2/models//etc/passwd/config",
        "/v2/models/tiny/versions/../config",
        "/v2/models/../../tiny/config",
    ],
)
def test_the_server_finds_nothing_outside_its_models(guarded: Server, path: str) -> None:
    status, answer = ask(guarded.http_url, "GET", path)
    assert status in {400, 404}
    assert "root:" not in answer


LOADING = {
    "parameters": {
        "config": '{"backend": "python"}',
        "file:../../../../../../tmp/tritext-written-by-a-stranger": "aGVsbG8=",
    }
}


@pytest.mark.parametrize("name", ["..%2fx", "%2fetc", "..%2f..%2ftiny", "tiny%2f..%2f..%2fx", "x"])
def test_even_with_the_key_nothing_outside_is_loaded_or_written(guarded: Server, name: str) -> None:
    headers = dict(guarded.control.headers or {})
    status, _ = ask(
        guarded.http_url, "POST", f"/v2/repository/models/{name}/load", json.dumps(LOADING), headers
    )
    assert status in {400, 404, 500}
    assert not Path("/tmp/tritext-written-by-a-stranger").exists()  # noqa: S108 - where it would be


@pytest.mark.parametrize("name", [name for name in BAD_NAMES if name != "."])
def test_nothing_is_built_registered_or_queued_under_a_name_that_is_a_path(name: str) -> None:
    from tritext_jobs.arguments import checked
    from tritext_jobs.errors import MalformedArguments

    with pytest.raises(BuildsBadName):
        check_name(name)
    with pytest.raises(RegistersBadName):
        checked_name(name)
    for kind in ("evaluate", "predict"):
        with pytest.raises(MalformedArguments, match="name is"):
            checked(kind, {"name": name, "data": "a.csv", "input": "a.csv", "output": "b.csv"})
    with pytest.raises(MalformedArguments, match="name is"):
        checked("build", {"checkpoint": "a", "name": name or "../a"})


# ---- sizes


def test_a_limit_of_size_is_given_to_a_triton_that_knows_it(tmp_path: Path) -> None:
    knowing, old = tmp_path / "knowing", tmp_path / "old"
    knowing.write_bytes(b"\0" * 100_000 + b"http-max-input-size\0")
    old.write_bytes(b"\0" * 100_000)
    settings = ServeSettings(max_request_mb=3)
    assert request_size.arguments(settings, knowing) == {"http-max-input-size": 3 << 20}
    assert request_size.arguments(settings, old) == {}
