"""gRPC, blocking or async. Knows tritonclient's gRPC clients and their errors; one channel serves all threads."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from tritext.address import Address
from tritext.tls import Tls
from tritext.transport import Transport

MOST_MESSAGE_BYTES = 2**31 - 1
"""What gRPC and Triton take at most in one message; gRPC's own default of 4 MB is too small for thousands of labels."""

_CHANNEL = [
    ("grpc.max_send_message_length", MOST_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MOST_MESSAGE_BYTES),
    # A server that was down is tried again as soon as the retry policy wants it, not when gRPC does.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Despite its name the time that one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 10_000),
    # Clients that share a subchannel would share each other's backoff.
    ("grpc.use_local_subchannel_pool", 1),
]


class GrpcTransport(Transport):
    """One channel, opened at the first call."""

    options: ClassVar[dict[str, Any]] = {"as_json": True}

    def __init__(
        self, address: Address, *, headers: Mapping[str, str], asynchronous: bool, tls: Tls | None = None
    ) -> None:
        name = "tritonclient.grpc.aio" if asynchronous else "tritonclient.grpc"
        # gRPC takes header names in lower case only.
        lowered = {key.lower(): value for key, value in headers.items()}
        super().__init__(address, library=import_module(name), headers=lowered)
        self._tls = tls.for_grpc() if tls else {}
        self._client: Any = None

    async def perform(self, method: str, seconds: float, arguments: Mapping[str, Any]) -> Any:
        return await _settled(getattr(self._connected(), method)(**arguments, client_timeout=seconds))

    def _connected(self) -> Any:
        if self._client is None:
            self._client = self.library.InferenceServerClient(
                self.address.target, ssl=self.address.encrypted, channel_args=_CHANNEL, **self._tls
            )
        return self._client

    async def drop(self) -> None:
        if self._client is not None:
            await _settled(self._client.close())


async def _settled(answer: Any) -> Any:
    """The answer of a blocking client as it is, that of an async one awaited."""
    return await answer if inspect.isawaitable(answer) else answer
