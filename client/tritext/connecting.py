"""Which transport an address needs. Imports only the library of that protocol, as each costs a tenth of a second or two."""

from collections.abc import Mapping
from dataclasses import replace

from tritext.access import given_key
from tritext.access import headers as key_headers
from tritext.address import parse
from tritext.tls import Tls
from tritext.transport import Transport


def connect(
    url: str,
    *,
    headers: Mapping[str, str] | None,
    asynchronous: bool,
    tls: Tls | None = None,
    api_key: str | None = None,
) -> Transport:
    """The transport to `url`; nothing is sent yet. `tls` encrypts, whatever the scheme; what is not given, the environment may give.

    Raises:
        BadAddress: The URL cannot be read.
        BadKeyFile: The file that the environment names holds no key.
        BadTls: The files for TLS, given or named by the environment, do not do.
    """
    address = parse(url)
    if tls and not address.encrypted:
        address = replace(address, scheme=f"{address.scheme}s")
    if address.encrypted:
        tls = tls or Tls.from_environment()
    key = api_key or given_key()
    all_headers = {**(key_headers(key, grpc=address.is_grpc) if key else {}), **(headers or {})}
    if address.is_grpc:
        from tritext.grpc_transport import GrpcTransport  # noqa: PLC0415

        return GrpcTransport(address, headers=all_headers, asynchronous=asynchronous, tls=tls)
    if asynchronous:
        from tritext.http_aio_transport import HttpAioTransport  # noqa: PLC0415

        return HttpAioTransport(address, headers=all_headers, tls=tls)
    from tritext.http_transport import HttpTransport  # noqa: PLC0415

    return HttpTransport(address, headers=all_headers, tls=tls)
