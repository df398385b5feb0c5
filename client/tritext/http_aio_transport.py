"""HTTP in asyncio. Knows tritonclient's HTTP client over aiohttp and its errors."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

from tritext.address import Address
from tritext.failures import ClientClosed, DeadlineExceeded, ServerUnavailable
from tritext.transport import Transport, translated


class HttpAioTransport(Transport):
    """One session, opened at the first call, as it belongs to the event loop that runs then."""

    def __init__(self, address: Address, *, headers: Mapping[str, str]) -> None:
        super().__init__(address, library=tritonclient.http.aio, headers=headers)
        self._client: Any = None
        self._closed = False

    async def call(self, method: str, seconds: float, **arguments: Any) -> Any:
        if self._closed:
            raise ClientClosed
        try:
            call = getattr(self._connected(), method)(**arguments, headers=dict(self.headers))
            return await asyncio.wait_for(call, seconds)
        except asyncio.TimeoutError as error:
            raise DeadlineExceeded(seconds=seconds) from error
        except InferenceServerException as error:
            raise translated(error, arguments) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ServerUnavailable(f"{self.address}: {error or type(error).__name__}") from error

    def _connected(self) -> Any:
        if self._client is None:
            context = ssl.create_default_context() if self.address.encrypted else None
            self._client = tritonclient.http.aio.InferenceServerClient(
                self.address.target,
                conn_timeout=None,
                ssl=self.address.encrypted,
                **({"ssl_context": context} if context else {}),
            )
        return self._client

    async def close(self) -> None:
        self._closed = True
        if self._client is not None:
            await self._client.close()
