"""Which transport an address needs. Imports only the library of that protocol, as each costs a tenth of a second or two."""

from collections.abc import Mapping

from tritext.address import parse
from tritext.transport import Transport


def connect(url: str, *, headers: Mapping[str, str] | None, asynchronous: bool) -> Transport:
    """The transport to `url`; nothing is sent yet.

    Raises:
        BadAddress: The URL cannot be read.
    """
    address = parse(url)
    if address.is_grpc:
        from tritext.grpc_transport import GrpcTransport  # noqa: PLC0415

        return GrpcTransport(address, headers=headers or {}, asynchronous=asynchronous)
    if asynchronous:
        from tritext.http_aio_transport import HttpAioTransport  # noqa: PLC0415

        return HttpAioTransport(address, headers=headers or {})
    from tritext.http_transport import HttpTransport  # noqa: PLC0415

    return HttpTransport(address, headers=headers or {})
