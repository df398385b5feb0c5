"""Certificates for a test: an authority, and what it signs."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """Two files in PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates, which it keeps in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), _named(name)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(
            _pem(
                self._builder(self._name, self._key)
                .add_extension(constraints, critical=True)
                .sign(self._key, hashes.SHA256())
            )
        )

    def signed(self, name: str) -> Signed:
        """A certificate for this machine under the name."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        builder = self._builder(_named(name), key).add_extension(here, critical=False)
        files = Signed(certificate=self._folder / f"{name}.pem", key=self._folder / f"{name}.key")
        files.certificate.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
