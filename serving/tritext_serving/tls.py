"""TLS as a server has it: which files, whether they do, what Triton is told. Triton encrypts gRPC, not HTTP and metrics."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritext_serving.errors import ServingError
from tritext_serving.settings import ServeSettings

LOOPBACK = "127.0.0.1"


class TlsIncomplete(ServingError):
    """A certificate without its key, or the reverse, or only whom to trust."""

    def __init__(self) -> None:
        super().__init__(
            "--tls-cert and --tls-key come together; --tls-ca adds to them whose clients are let in."
        )


class BadCertificate(ServingError):
    """The files hold no certificate and key that belong together."""

    def __init__(self, *, files: str, reason: str) -> None:
        super().__init__(f"{files}: no certificate and key in PEM that can be used ({reason}).")


def plain_host(settings: ServeSettings) -> str:
    """Where what Triton cannot encrypt is to listen: with TLS, on this machine only."""
    return LOOPBACK if settings.tls_cert else settings.host


def check(settings: ServeSettings) -> None:
    """Read the files as Triton will.

    Raises:
        TlsIncomplete: One of them is missing.
        BadCertificate: They do not do.
    """
    certificate, key, authority = settings.tls_cert, settings.tls_key, settings.tls_ca
    if (certificate is None) != (key is None) or (authority and not certificate):
        raise TlsIncomplete
    if certificate is None or key is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _translated(f"{certificate} and {key}"):
        context.load_cert_chain(certificate, key, password=_no_password)
    if authority:
        with _translated(str(authority)):
            context.load_verify_locations(authority)


@contextmanager
def _translated(files: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ssl's own errors are both
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise BadCertificate(files=files, reason=str(reason).lower().replace("_", " ")) from None


def arguments(settings: ServeSettings) -> dict[str, Any]:
    """Tritonserver's options."""
    if not settings.tls_cert or not settings.tls_key:
        return {}
    files = {"server-cert": settings.tls_cert, "server-key": settings.tls_key}
    if settings.tls_ca:
        files["root-cert"] = settings.tls_ca
    use = "use-ssl-mutual" if settings.tls_ca else "use-ssl"
    return {f"grpc-{use}": 1, **{f"grpc-{name}": path.absolute() for name, path in files.items()}}


def _no_password(*_: Any) -> str:
    raise ValueError("the key is locked with a password")
