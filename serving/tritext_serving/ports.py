"""Free ports, and the address that a client is told; knows nothing of Triton."""

import errno
import socket
from contextlib import ExitStack
from dataclasses import dataclass

from tritext_serving.errors import BadHost, PortTaken
from tritext_serving.settings import ServeSettings
from tritext_serving.tls import plain_host

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to tell clients of this machine, not where to bind
"""Addresses to listen on that are none to connect to."""


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where a server listens."""

    host: str
    plain_host: str
    """For what Triton cannot encrypt: HTTP and metrics."""
    http: int
    grpc: int
    metrics: int

    @property
    def http_url(self) -> str:
        """`host:port`, as tritonclient and curl take it."""
        return _url(self.plain_host, self.http)

    @property
    def grpc_url(self) -> str:
        """`host:port`, as tritonclient takes it."""
        return _url(self.host, self.grpc)

    @property
    def metrics_url(self) -> str:
        """The whole URL of Prometheus' page."""
        return f"http://{_url(self.plain_host, self.metrics)}/metrics"

    def has_metrics(self) -> bool:
        """Whether the metrics' port is open, which Triton opens last."""
        address = (ANYWHERE.get(self.plain_host, self.plain_host), self.metrics)
        try:
            socket.create_connection(address, timeout=2).close()
        except OSError:
            return False
        return True


def _url(host: str, port: int) -> str:
    host = ANYWHERE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def choose(settings: ServeSettings) -> Endpoints:
    """The three ports: the wanted ones where they are free, any free one for each 0.

    Raises:
        PortTaken: a wanted port is in use.
        BadHost: the address is not this machine's.
    """
    plain = plain_host(settings)
    wanted = {
        "http": (plain, settings.http_port),
        "grpc": (settings.host, settings.grpc_port),
        "metrics": (plain, settings.metrics_port),
    }
    # All are held until all are chosen, so that none is given out twice.
    with ExitStack() as stack:
        held = {use: stack.enter_context(_hold(host, use, port)) for use, (host, port) in wanted.items()}
        return Endpoints(
            host=settings.host, plain_host=plain, **{use: sock.getsockname()[1] for use, sock in held.items()}
        )


def _hold(host: str, use: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    # A server that was stopped a moment ago leaves connections behind, which do not hinder the next one.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1)
    except OSError as error:
        sock.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise PortTaken(use=use, host=host, port=port, option=f"--{use}-port") from None
        raise BadHost(host=host, reason=error.strerror or str(error)) from None
    return sock
