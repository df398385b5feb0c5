"""HTTP, blocking. Knows tritonclient's HTTP client, which is made of gevent and belongs to the thread that made it."""

import ssl
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

import gevent
import tritonclient.http
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from tritext.address import Address
from tritext.failures import DeadlineExceeded, NotHttp
from tritext.transport import Transport


class HttpTransport(Transport):
    """One connection for each thread that calls; dropped when anything but an answer comes of a call."""

    broken: ClassVar[tuple[type[Exception], ...]] = (OSError, HTTPConnectionClosed)

    def __init__(self, address: Address, *, headers: Mapping[str, str]) -> None:
        super().__init__(address, library=tritonclient.http, headers=headers)
        self._mine = threading.local()

    async def _perform(self, method: str, seconds: float, arguments: Mapping[str, Any]) -> Any:
        try:
            # gevent's own timeout covers connecting, sending and all of the answer; the sockets' cover one step each.
            with gevent.Timeout(seconds):
                return getattr(self._connected(), method)(**arguments)
        except gevent.Timeout as error:
            await self._drop()
            raise DeadlineExceeded(seconds=seconds) from error
        except self.broken:
            await self._drop()
            raise
        except HTTPParseError as error:
            await self._drop()
            raise NotHttp(address=str(self.address)) from error

    def _connected(self) -> Any:
        if not hasattr(self._mine, "client"):
            self._mine.client = tritonclient.http.InferenceServerClient(
                self.address.target,
                connection_timeout=None,
                network_timeout=None,
                ssl=self.address.encrypted,
                ssl_context_factory=ssl.create_default_context,
            )
        return self._mine.client

    async def _drop(self) -> None:
        client = self._mine.__dict__.pop("client", None)
        if client is not None:
            client.close()
