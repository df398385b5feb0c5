"""A real Triton over one tiny model, and every kind of client to ask it with."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.models import write_models
from tests.support.families import gate_texts
from tritext import AsyncClient, Client
from tritext_build import BuildRequest, build
from tritext_serving import Server, running_server

Ask = Callable[..., Any]
"""Calls a client's method by name, with its arguments."""


@pytest.fixture(scope="session")
def tiny_repository(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    repository = tmp_path_factory.mktemp("client") / "repository"
    build(BuildRequest(checkpoint=str(checkpoint), name="tiny", repository=repository))
    return repository


@pytest.fixture(scope="package")
def server(tiny_repository: Path) -> Iterator[Server]:
    with running_server(tiny_repository) as running:
        yield running


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """More texts than fit into two requests, of many lengths."""
    return gate_texts()[:150]


@pytest.fixture(params=["grpc", "http"])
def url(request: pytest.FixtureRequest, server: Server) -> str:
    return f"{request.param}://{server.grpc_url if request.param == 'grpc' else server.http_url}"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as opened:
        yield opened


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, url: str) -> Iterator[Ask]:
    """A fresh client of each kind over each protocol."""
    yield from _asking(request.param, url)


@pytest.fixture(scope="package")
def tasks_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One tiny model of every task."""
    with running_server(write_models(tmp_path_factory.mktemp("tasks") / "repository")) as running:
        yield running


@pytest.fixture(params=["grpc", "http"])
def tasks_url(request: pytest.FixtureRequest, tasks_server: Server) -> str:
    return f"{request.param}://{tasks_server.grpc_url if request.param == 'grpc' else tasks_server.http_url}"


@pytest.fixture(params=["sync", "async"])
def ask_any(request: pytest.FixtureRequest, tasks_url: str) -> Iterator[Ask]:
    """As `ask`, for the models of every task."""
    yield from _asking(request.param, tasks_url)


class Command:
    """The command line, against a server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.errors = ""

    def __call__(self, *arguments: str, stdin: bytes = b"", status: int = 0) -> str:
        run = subprocess.run(
            [sys.executable, "-c", "from tritext.cli import main; main()", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            env={"TRITEXT_URL": self.url, "COLUMNS": "200", "PATH": "", "HF_HUB_OFFLINE": "1"},
        )
        self.errors = run.stderr.decode()
        assert run.returncode == status, self.errors
        assert "Traceback" not in self.errors
        return run.stdout.decode()


def _asking(kind: str, url: str) -> Iterator[Ask]:
    if kind == "async":
        yield lambda method, *arguments, **options: asyncio.run(_once(url, method, arguments, options))
        return
    with Client(url) as opened:
        yield lambda method, *arguments, **options: getattr(opened, method)(*arguments, **options)


async def _once(url: str, method: str, arguments: Any, options: Any) -> Any:
    async with AsyncClient(url) as opened:
        return await getattr(opened, method)(*arguments, **options)
