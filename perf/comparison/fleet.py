"""Several servers on one machine, as if each had its own: a network namespace and a share of the processors for each, HAProxy before them.

Needs root, iproute2 and HAProxy. Everything it makes is gone afterwards.
"""

import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from comparison.load import Address
from comparison.processes import Failed, call, free_port, running

HAPROXY = Path(__file__).parents[2] / "deploy/haproxy/haproxy.cfg"
TRITEXT = Path(sys.executable).parent / "tritext"

PLACES = 3
"""Servers that the balancer's configuration has room for."""

PROGRAMS = {"ip": "iproute2", "haproxy": "haproxy", "openssl": "openssl"}

PERIOD_US = 10_000
"""In which a server gets its share; ten times finer than the kernel's usual one, so that no text waits for it long."""

READY_S = 300.0

HTTP, GRPC, METRICS = 8000, 8001, 8002


@dataclass(frozen=True, kw_only=True)
class Member:
    """One server, on a machine that it has for itself."""

    number: int
    name: str
    """Of its namespace."""
    cable: str
    """The end of its network cable that the balancer's machine holds."""
    host: str

    @property
    def pid(self) -> int:
        """Of its `tritonserver`."""
        inside = _output("ip", "netns", "pids", self.name).split()
        named = [int(pid) for pid in inside if _name_of(int(pid)) == "tritonserver"]
        if not named:
            raise Failed(f"no tritonserver runs in {self.name}")
        return named[0]

    def partition(self) -> None:
        """Pull the cable: what is sent to it is lost without a word."""
        _ip("link", "set", self.cable, "down")

    def heal(self) -> None:
        _ip("link", "set", self.cable, "up")

    def answered(self, model: str) -> int:
        """Requests that it has answered since it was started; 0 while it does not say."""
        with suppress(ValueError, LookupError):
            stats = json.loads(self._get(f"/v2/models/{model}/stats"))["model_stats"][0]["inference_stats"]
            return int(stats["success"]["count"])
        return 0

    def is_ready(self) -> bool:
        try:
            self._get("/v2/health/ready")
        except ValueError:
            return False
        return True

    def _get(self, path: str) -> bytes:
        """What it answers.

        Raises:
            ValueError: It does not, or not with 200.
        """
        with closing(http.client.HTTPConnection(self.host, HTTP, timeout=2)) as connection:
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as problem:
                raise ValueError(str(problem)) from problem
            if answer.status != http.client.OK:
                raise ValueError(f"{path} was answered with {answer.status}")
            return body


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Servers behind one address."""

    members: Sequence[Member]
    port: int
    certificate: Path

    @property
    def url(self) -> str:
        """For `tritext.Client`, over HTTP."""
        return f"https://localhost:{self.port}"

    @property
    def grpc_url(self) -> str:
        return f"grpcs://localhost:{self.port}"

    def address(self, model: str) -> Address:
        """For the load generator."""
        return Address(
            host="localhost", port=self.port, path=f"/v2/models/{model}/infer", tls=self.certificate
        )


@contextmanager
def fleet(
    repository: Path, folder: Path, *, servers: int, cores: float | None = None, key: str = ""
) -> Iterator[Fleet]:
    """Serve a repository so many times until the end of the block, each server with so many cores.

    Args:
        repository: What all of them serve.
        folder: For logs and the certificate.
        servers: Up to `PLACES`.
        cores: For each, which then computes one batch at a time; may be less than one. Without it each has the machine.
        key: For the control plane, at the balancer.

    Raises:
        Failed: A program or a right is missing, or a server does not become ready.
    """
    _check(servers)
    with ExitStack() as stack:
        members = stack.enter_context(_network(servers))
        for member in members:
            stack.enter_context(_server(member, repository, folder, cores))
        _await(members)
        yield stack.enter_context(_balancer(members, folder, key))


def missing() -> str | None:
    """What this machine lacks for fleets, in a sentence; None if nothing."""
    for name, package in PROGRAMS.items():
        if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            return f"{name} is missing: apt-get install {package}"
    if os.geteuid():
        return "network namespaces are root's to make"
    probe = f"ttx{os.getpid()}"
    try:
        with _share(probe, 1.0):
            _ip("netns", "add", probe)
            _ip("netns", "delete", probe)
    except (Failed, OSError) as problem:
        return f"network namespaces and control groups cannot be made here: {problem}"
    return None


def _check(servers: int) -> None:
    lacking = missing()
    if lacking:
        raise Failed(lacking)
    if not 1 <= servers <= PLACES:
        raise Failed(f"a fleet has 1 to {PLACES} servers, not {servers}")


@contextmanager
def _network(servers: int) -> Iterator[list[Member]]:
    """A switch, and a machine on it for each server."""
    own = os.getpid() % 250
    switch = f"ttx{own}"
    members = [
        Member(
            number=number,
            name=f"{switch}-{number}",
            cable=f"{switch}c{number}",
            host=f"10.77.{own}.{10 + number}",
        )
        for number in range(1, servers + 1)
    ]
    with ExitStack() as stack:
        _ip("link", "add", switch, "type", "bridge")
        stack.callback(_ip, "link", "delete", switch)
        _ip("address", "add", f"10.77.{own}.1/24", "dev", switch)
        _ip("link", "set", switch, "up")
        for member in members:
            _ip("netns", "add", member.name)
            stack.callback(_ip, "netns", "delete", member.name)
            _ip("link", "add", member.cable, "type", "veth", "peer", "name", "eth0", "netns", member.name)
            _ip("link", "set", member.cable, "master", switch, "up")
            inside = ("-n", member.name)
            _ip(*inside, "address", "add", f"{member.host}/24", "dev", "eth0")
            _ip(*inside, "link", "set", "eth0", "up")
            _ip(*inside, "link", "set", "lo", "up")
        yield members


@contextmanager
def _server(member: Member, repository: Path, folder: Path, cores: float | None) -> Iterator[None]:
    """`tritext serve` in a member's namespace, and in a control group that has so many cores."""
    options = f"--host 0.0.0.0 --http-port {HTTP} --grpc-port {GRPC} --metrics-port {METRICS}"
    options += " --instances 1 --threads 1" if cores else ""
    files: list[str | Path] = ["--repository", repository, "--live-file", folder / f"{member.name}.live"]
    with _share(member.name, cores) as group:
        entering = f'echo $$ > {group}/cgroup.procs && exec {_pinned(member, cores)} ip netns exec {member.name} "$@"'
        serve: list[str | Path] = [TRITEXT, "serve", *options.split(), *files]
        with running(["sh", "-c", entering, "sh", *serve], folder / f"{member.name}.log"):
            yield


def _pinned(member: Member, cores: float | None) -> str:
    """What keeps less than a processor on one processor: on several at once it would be used up in bursts."""
    processors = sorted(os.sched_getaffinity(0))
    return f"taskset --cpu-list {processors[member.number % len(processors)]}" if cores and cores < 1 else ""


@contextmanager
def _share(name: str, cores: float | None) -> Iterator[Path]:
    """A control group, of version 1 or 2, with so many cores; without a number, with all of them."""
    root = Path("/sys/fs/cgroup")
    first = (root / "cpu").is_dir()
    group = (root / "cpu" if first else root) / name
    group.mkdir()
    try:
        if cores and first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(round(cores * PERIOD_US)))
        elif cores:
            (group / "cpu.max").write_text(f"{round(cores * PERIOD_US)} {PERIOD_US}")
        yield group
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """A group can only go when its last process has."""
    for _ in range(50):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)


@contextmanager
def _balancer(members: Sequence[Member], folder: Path, key: str) -> Iterator[Fleet]:
    certificate, together, port = folder / "tls.crt", folder / "tls.pem", free_port()
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    call([*make.split(), "-keyout", folder / "tls.key", "-out", certificate], folder / "openssl.log")
    together.write_text(certificate.read_text() + (folder / "tls.key").read_text())
    nobody = members[0].host.rpartition(".")[0] + ".254"
    hosts = [member.host for member in members] + [nobody] * (PLACES - len(members))
    environment = {f"TRITEXT_SERVER_{number}": host for number, host in enumerate(hosts, start=1)}
    environment |= {
        "TRITEXT_BIND": f"127.0.0.1:{port}",
        "TRITEXT_TLS": str(together),
        "TRITEXT_API_KEY": key or secrets.token_hex(16),
    }
    haproxy = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") or "haproxy"
    with running([haproxy, "-db", "-f", HAPROXY], folder / "haproxy.log", environment=environment) as process:
        time.sleep(3)  # Two of its checks, of every server.
        if process.poll() is not None:
            raise Failed(f"HAProxy ended; see {folder / 'haproxy.log'}")
        yield Fleet(members=members, port=port, certificate=certificate)


def _await(members: Sequence[Member]) -> None:
    end = time.monotonic() + READY_S
    while not all(member.is_ready() for member in members):
        if time.monotonic() > end:
            raise Failed("a server of the fleet did not become ready")
        time.sleep(0.2)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _name_of(pid: int) -> str:
    with suppress(psutil.Error):
        return psutil.Process(pid).name()
    return ""
