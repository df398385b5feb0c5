"""Where a server is: knows the ways to write it. Knows no protocol's library."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tritext.failures import ClientError

PORTS = {"grpc": 8001, "grpcs": 8001, "http": 8000, "https": 8000}
"""Triton's usual port for each scheme."""


class BadAddress(ClientError):
    """The server's address cannot be understood."""

    def __init__(self, *, url: str) -> None:
        super().__init__(
            f"Cannot read the address {url!r}: expected host:port for gRPC, or one of "
            f"{', '.join(f'{scheme}://host:port' for scheme in PORTS)}."
        )


@dataclass(frozen=True, kw_only=True)
class Address:
    """A server. `target` is what tritonclient wants: host:port, for HTTP with the path of a proxy."""

    scheme: str
    target: str

    @property
    def is_grpc(self) -> bool:
        return self.scheme.startswith("grpc")

    @property
    def encrypted(self) -> bool:
        return self.scheme.endswith("s")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.target}"


def parse(url: str) -> Address:
    """Read `host`, `host:port`, `grpc://…`, `grpcs://…`, `http://…` or `https://…`; gRPC if there is no scheme.

    Raises:
        BadAddress: It is none of these.
    """
    try:
        parts = urlsplit(url if "://" in url else f"grpc://{url}")
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError) as error:
        raise BadAddress(url=url) from error
    path = parts.path.rstrip("/")
    extra = parts.query or parts.fragment or "@" in parts.netloc or (path and parts.scheme.startswith("grpc"))
    if extra or not parts.hostname or not url.isprintable() or " " in url:
        raise BadAddress(url=url)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(scheme=parts.scheme, target=f"{host}:{port}{path}")
