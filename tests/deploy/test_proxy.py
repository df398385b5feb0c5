"""The proxy in front of a real server: TLS, who may do what, and what clients see of a server that is down."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import grpc
import pytest
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from tests.deploy.programs import ROOT, ask, program, run
from tests.deploy.test_prometheus import free_port
from tritext_serving import Server

PROXY = ROOT / "deploy/proxy"
KEY = "0123456789abcdef0123456789abcdef"


class Proxy:
    """A running nginx, with the configuration that is deployed; only places of files and ports are this machine's."""

    def __init__(self, folder: Path, *, http: str, grpc_target: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._nginx = program("nginx", remedy="apt-get install nginx-light")
        folder.chmod(0o755)
        run(
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "tls_key"), "-out", str(folder / "tls_certificate")),
        )
        text = (PROXY / "tritext.conf.template").read_text(encoding="utf-8")
        for theirs, ours in {
            "${TRITEXT_API_KEY}": KEY,
            "${TRITEXT_HTTP}": http,
            "${TRITEXT_GRPC}": grpc_target,
            "listen 8443": f"listen 127.0.0.1:{self.port}",
            "/run/secrets": str(folder),
            "/etc/nginx/tritext": str(PROXY),
            "/dev/stdout": str(folder / "access.log"),
        }.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        assert "${" not in text
        places = "".join(
            f"{each}_temp_path {folder}/{each};\n"
            for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"user root;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\ndaemon off;\n"
            f"events {{}}\nhttp {{\n{places}{text}}}\n",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def check(self) -> None:
        run(self._nginx, "-t", "-c", str(self.folder / "nginx.conf"), "-e", "stderr")

    def start(self) -> None:
        self._process = subprocess.Popen([self._nginx, "-c", str(self.folder / "nginx.conf"), "-e", "stderr"])
        while not (self.folder / "pid").exists() or not (self.folder / "pid").read_text():
            assert self._process.poll() is None
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        return ask(f"https://localhost:{self.port}{path}", self.folder / "tls_certificate", body, **headers)

    def grpc_client(self) -> InferenceServerClient:
        certificate = (self.folder / "tls_certificate").read_bytes()
        return InferenceServerClient(
            f"localhost:{self.port}", ssl=True, creds=grpc.ssl_channel_credentials(certificate)
        )


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    running = Proxy(tmp_path_factory.mktemp("proxy"), http=server.http_url, grpc_target=server.grpc_url)
    running.check()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    gone = f"127.0.0.1:{free_port()}"
    running = Proxy(tmp_path_factory.mktemp("nobody"), http=gone, grpc_target=gone)
    running.start()
    yield running
    running.stop()


def test_everyone_may_ask_models(proxy: Proxy) -> None:
    status, answer = proxy.ask("/v2/models/tiny/generate", b'{"TEXT": "a text"}')
    assert status == 200
    assert "RESULT" in answer
    with proxy.grpc_client() as client:
        assert client.is_model_ready("tiny")
        assert client.get_model_config("tiny").config.platform == "ensemble"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/index",
        "/v2/repository/models/tiny/load",
        "/v2/repository/models/tiny/unload",
        "/v2/systemsharedmemory/status",
        "/v2/cudasharedmemory/status",
        "/v2/systemsharedmemory/region/x/register",
        "/v2/logging",
        "/v2/trace/setting",
        "/v2/models/tiny/trace/setting",
        "/v2/models/tiny/versions/1/trace/setting",
        "/v2/models/../repository/index",
        "/v2//repository/index",
    ],
)
def test_strangers_do_not_control_the_server(proxy: Proxy, path: str) -> None:
    """However the path is written; nor with a wrong key."""
    assert proxy.ask(path, b"{}")[0] == 403
    assert proxy.ask(path, b"{}", **{"tritext-key": "wrong"})[0] == 403


@pytest.mark.parametrize(
    "method",
    [
        "get_model_repository_index",
        "get_log_settings",
        "get_trace_settings",
        "get_system_shared_memory_status",
    ],
)
def test_strangers_do_not_control_the_server_over_grpc(proxy: Proxy, method: str) -> None:
    with (
        proxy.grpc_client() as client,
        pytest.raises(InferenceServerException, match="server's key") as refusal,
    ):
        getattr(client, method)()
    assert "PERMISSION_DENIED" in str(refusal.value)


def test_the_key_opens_the_proxy(proxy: Proxy) -> None:
    """Behind it Triton asks for its own, which here is another."""
    assert (
        proxy.ask("/v2/logging", None, **{"tritext-key": KEY})[0] != 403
        or "server's key" not in (proxy.ask("/v2/logging", None, **{"tritext-key": KEY})[1])
    )


def test_what_is_not_tritons_is_not_there(proxy: Proxy) -> None:
    assert proxy.ask("/")[0] == 404
    assert proxy.ask("/metrics")[0] == 404


def test_a_request_may_not_be_larger_than_the_limit(proxy: Proxy) -> None:
    assert proxy.ask("/v2/models/tiny/generate", b"x" * (9 << 20))[0] == 413


def test_plaintext_is_refused(proxy: Proxy) -> None:
    with pytest.raises(HTTPError) as refusal:
        urllib.request.urlopen(f"http://127.0.0.1:{proxy.port}/v2/health/ready")
    with refusal.value as error:
        assert error.code == 400


def test_no_text_is_in_the_log(proxy: Proxy) -> None:
    proxy.ask("/v2/models/tiny/generate", b'{"TEXT": "what nobody but the model is to read"}')
    log = (proxy.folder / "access.log").read_text(encoding="utf-8")
    assert '"path":"/v2/models/tiny/generate"' in log
    assert "nobody" not in log


def test_a_server_that_is_down_is_unavailable(proxy_of_nobody: Proxy) -> None:
    """503 and UNAVAILABLE: what clients may try again."""
    assert proxy_of_nobody.ask("/v2/models/tiny/generate", b"{}") == (
        503,
        '{"error":"no server is there to answer"}\n',
    )
    with proxy_of_nobody.grpc_client() as client, pytest.raises(InferenceServerException) as refusal:
        client.get_model_metadata("tiny")
    assert "UNAVAILABLE" in str(refusal.value)
