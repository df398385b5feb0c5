"""Several servers behind the balancer that is deployed: real HAProxy, real Triton, each in a network of its own."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from comparison import fleet as fleets
from comparison.fleet import Fleet
from tests.deploy.programs import ask
from tritext import Client
from tritext.errors import TritextError
from tritext.tls import Tls

pytestmark = pytest.mark.slow

KEY = "0123456789abcdef"
MODEL = "tiny"
USERS = 8

WITHIN_S = 30.0
"""By when a fleet is whole again: a killed server loads its models anew."""


@pytest.fixture(scope="module")
def fleet(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    lacking = fleets.missing()
    if lacking:
        pytest.skip(lacking)
    folder = tmp_path_factory.mktemp("fleet")
    one = folder / "repository"
    for step in ("", "_tokenizer", "_model", "_postprocess"):
        shutil.copytree(repository / f"{MODEL}{step}", one / f"{MODEL}{step}")
    with fleets.fleet(one, folder, servers=3, cores=0.6, key=KEY) as served:
        yield served


class Users:
    """Clients that never stop asking, and what became of their requests."""

    def __init__(self, url: str, certificate: Path) -> None:
        self.answered = 0
        self.failed: list[str] = []
        self._url, self._tls, self._over = url, Tls(ca=certificate), threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(USERS)]

    def _ask(self) -> None:
        with Client(self._url, tls=self._tls) as client:
            while not self._over.is_set():
                self._ask_once(client)

    def _ask_once(self, client: Client) -> None:
        try:
            client.classify(MODEL, ["where is my parcel"])
        except TritextError as error:
            self.failed.append(repr(error))
        else:
            self.answered += 1

    @contextmanager
    def asking(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()


def await_(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def all_answer(fleet: Fleet) -> None:
    """Every server gets its share."""
    before = [member.answered(MODEL) for member in fleet.members]
    await_(
        lambda: all(
            member.answered(MODEL) > count for member, count in zip(fleet.members, before, strict=True)
        ),
        "not all servers answer",
    )


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_one_killed_and_one_cut_off_cost_no_answer(fleet: Fleet, protocol: str) -> None:
    """And all three carry the load again, without anybody's doing."""
    killed, cut_off, _ = fleet.members
    users = Users(fleet.url if protocol == "http" else fleet.grpc_url, fleet.certificate)
    with users.asking():
        all_answer(fleet)
        os.kill(killed.pid, signal.SIGKILL)
        time.sleep(1)
        cut_off.partition()
        time.sleep(5)
        during = users.answered
        time.sleep(1)
        assert users.answered > during, "the third server carries the load"
        cut_off.heal()
        await_(killed.is_ready, "the killed server does not come back")
        all_answer(fleet)
    assert users.failed == []


def status(fleet: Fleet, path: str, body: bytes = b"{}", **headers: str) -> int:
    return ask(f"{fleet.url}{path}", fleet.certificate, body, **headers)[0]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/index",
        "/v2/repository/models/tiny/unload",
        "/v2/systemsharedmemory/region/x/register",
        "/v2/logging",
        "/v2/trace/setting",
        "/v2/models/tiny/trace/setting",
        "/v2/models/../repository/index",
        "/v2//repository/index",
        "/inference.GRPCInferenceService/RepositoryIndex",
    ],
)
def test_strangers_do_not_control_servers(fleet: Fleet, path: str) -> None:
    assert status(fleet, path) == 403
    assert status(fleet, path, b"{}", **{"tritext-key": "wrong"}) == 403


def test_everyone_may_ask_models_and_who_has_the_key_more(fleet: Fleet) -> None:
    assert status(fleet, "/v2/models/tiny/generate", b'{"TEXT": "a text"}') == 200
    assert status(fleet, "/v2/repository/index", b"{}", **{"tritext-key": KEY}) in (200, 403), (
        "Triton has a say, too"
    )
    assert status(fleet, "/somewhere") == 404


@pytest.mark.parametrize(
    ("header", "value", "refusal"),
    [("content-length", str(8 * 2**20 + 1), 413), ("transfer-encoding", "chunked", 411)],
)
def test_a_body_that_is_too_long_or_does_not_say_how_long_is_refused(
    fleet: Fleet, header: str, value: str, refusal: int
) -> None:
    """Before it is sent."""
    with closing(fleet.address(MODEL).connection()) as connection:
        connection.putrequest("POST", "/v2/models/tiny/generate")
        connection.putheader(header, value)
        connection.endheaders()
        assert connection.getresponse().status == refusal
