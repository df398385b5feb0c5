"""What TLS needs besides an address: whom to trust, and who one is. Knows files; makes no connection."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.failures import ClientError

VARIABLES = {"ca": "TRITEXT_TLS_CA", "certificate": "TRITEXT_TLS_CERT", "key": "TRITEXT_TLS_KEY"}
"""Environment variables that name the files, for commands and for clients that are told nothing."""


class BadTls(ClientError):
    """The files for TLS do not do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"TLS cannot be used: {reason}.")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Files in PEM.

    Attributes:
        ca: Certificates of the authorities to trust; those of the system if not given.
        certificate: One's own certificate, where the server asks clients for theirs.
        key: The key to it.

    Raises:
        BadTls: A file is not there, or the certificate has no key.
    """

    ca: Path | str | None = None
    certificate: Path | str | None = None
    key: Path | str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise BadTls("a certificate and the key to it come together")
        for path in (self.ca, self.certificate, self.key):
            if path is not None and not Path(path).is_file():
                raise BadTls(f"there is no file {path}")

    @classmethod
    def from_environment(cls) -> "Tls":
        """As the environment has it."""
        return cls(**{name: os.environ.get(variable) or None for name, variable in VARIABLES.items()})

    def for_grpc(self) -> dict[str, str]:
        """The arguments of tritonclient's gRPC clients."""
        given = {"root_certificates": self.ca, "certificate_chain": self.certificate, "private_key": self.key}
        return {name: str(path) for name, path in given.items() if path is not None}

    def for_http(self) -> ssl.SSLContext:
        """The context for HTTP.

        Raises:
            BadTls: The files hold no certificates.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (ssl.SSLError, OSError) as error:
            raise BadTls(str(error).rstrip(".")) from error
        return context


def _no_password(*_: Any) -> str:
    raise BadTls("the key is locked with a password")
