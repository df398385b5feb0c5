"""HTTP, blocking. Knows tritonclient's HTTP client, which is made of gevent and belongs to the thread that made it."""

import ssl
import threading
from collections.abc import Mapping
from typing import Any

import gevent
import tritonclient.http
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from tritonclient.utils import InferenceServerException

from tritext.address import Address
from tritext.failures import ClientClosed, DeadlineExceeded, ServerUnavailable
from tritext.transport import Transport, translated


class HttpTransport(Transport):
    """One connection for each thread that calls, opened at its first call and dropped when it breaks."""

    def __init__(self, address: Address, *, headers: Mapping[str, str]) -> None:
        super().__init__(address, library=tritonclient.http, headers=headers)
        self._mine = threading.local()
        self._closed = False

    async def call(self, method: str, seconds: float, **arguments: Any) -> Any:
        if self._closed:
            raise ClientClosed
        try:
            # gevent's own timeout covers connecting, sending and all of the answer; the sockets' cover one step each.
            with gevent.Timeout(seconds):
                return getattr(self._connected(), method)(**arguments, headers=dict(self.headers))
        except gevent.Timeout as error:
            self._drop()
            raise DeadlineExceeded(seconds=seconds) from error
        except InferenceServerException as error:
            raise translated(error, arguments) from error
        except (OSError, HTTPConnectionClosed, HTTPParseError) as error:
            self._drop()
            raise ServerUnavailable(f"{self.address}: {error or type(error).__name__}") from error

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

    def _drop(self) -> None:
        client = self._mine.__dict__.pop("client", None)
        if client is not None:
            client.close()

    async def close(self) -> None:
        """Close this thread's connection; those of other threads close as the threads end."""
        self._closed = True
        self._drop()
