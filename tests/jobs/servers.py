"""Real Redis and PostgreSQL for the tests: the system's own programs, on free ports of this machine, gone afterwards."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 20
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def redis() -> Iterator[str]:
    """A Redis that keeps nothing; its URL."""
    program = shutil.which("redis-server") or _missing("redis-server")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with _running([program, *options], port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL with an empty database; its URL. Root cannot run it, so that root does as the user `postgres`."""
    initdb = shutil.which("initdb") or _debian("initdb") or _missing("postgresql")
    port, user = free_port(), {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="tritext-postgresql-"))
    try:
        if user:
            shutil.chown(folder, **user)
        data = folder / "data"
        made = [initdb, "--pgdata", str(data), "--auth", "trust", "--username", "tritext", "--no-sync"]
        subprocess.run(
            [*made, "--no-locale", "--encoding", "UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **_as(user),
        )
        server = [
            str(Path(initdb).with_name("postgres")),
            "-D",
            str(data),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
        ]
        settings = [f"-c{setting}" for setting in (*FAST, "unix_socket_directories=")]
        with _running([*server, *settings], port, cwd=folder, **_as(user)):
            yield f"postgresql://tritext:secret@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(user: dict[str, Any]) -> dict[str, Any]:
    return {**user, "extra_groups": []} if user else {}


def _debian(program: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None


def _missing(package: str) -> str:
    pytest.skip(f"NOT TESTED: {package} is not installed (apt-get install {package})")


@contextmanager
def _running(command: list[str], port: int, **options: Any) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        _wait(port, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(port)
