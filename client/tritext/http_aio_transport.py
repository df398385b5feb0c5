"""HTTP in asyncio. Knows tritonclient's HTTP client over aiohttp and its errors."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import aiohttp
import tritonclient.http.aio

from tritext.address import Address
from tritext.failures import DeadlineExceeded, NotHttp
from tritext.tls import Tls
from tritext.transport import Transport


class HttpAioTransport(Transport):
    """One session, opened at the first call, as it belongs to the event loop that runs then."""

    broken: ClassVar[tuple[type[Exception], ...]] = (aiohttp.ClientError, OSError)

    def __init__(self, address: Address, *, headers: Mapping[str, str], tls: Tls | None = None) -> None:
        super().__init__(address, library=tritonclient.http.aio, headers=headers)
        self._context = tls.for_http() if tls else None
        self._client: Any = None

    async def perform(self, method: str, seconds: float, arguments: Mapping[str, Any]) -> Any:
        try:
            return await asyncio.wait_for(getattr(self._connected(), method)(**arguments), seconds)
        except asyncio.TimeoutError as error:
            raise DeadlineExceeded(seconds=seconds) from error
        except aiohttp.ClientResponseError as error:
            raise NotHttp(address=str(self.address)) from error

    def _connected(self) -> Any:
        if self._client is None:
            self._client = tritonclient.http.aio.InferenceServerClient(
                self.address.target,
                conn_timeout=None,
                ssl=self.address.encrypted,
                ssl_context=self._context,
            )
        return self._client

    async def drop(self) -> None:
        if self._client is not None:
            await self._client.close()
