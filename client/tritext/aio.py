"""The client for asyncio: `Client`'s methods as coroutines, over the same logic."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tritext.answering import AsyncAnswering
from tritext.classification import AsyncClassification
from tritext.connecting import connect
from tritext.conversation import Conversation
from tritext.embedding import AsyncFeatureExtraction
from tritext.explaining import AsyncExplaining
from tritext.mask_filling import AsyncMaskFilling
from tritext.ranking import AsyncRanking
from tritext.results import ServedModel
from tritext.retry import RetryPolicy
from tritext.tagging import AsyncTagging
from tritext.task import Errors
from tritext.tls import Tls
from tritext.worlds import AnyIterable, Job, Value, each
from tritext.zero_shot import AsyncZeroShotClassification

if TYPE_CHECKING:
    from typing_extensions import Self


class AsyncClient(
    AsyncClassification,
    AsyncTagging,
    AsyncAnswering,
    AsyncZeroShotClassification,
    AsyncFeatureExtraction,
    AsyncRanking,
    AsyncMaskFilling,
    AsyncExplaining,
):
    """`Client` for asyncio: the same arguments, answers and errors. It belongs to the loop that first uses it.

    Items may come from an async iterable; a plain iterable must not block.
    """

    def __init__(
        self,
        url: str = "localhost:8001",
        *,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable
        in_flight: int = 4,
        headers: Mapping[str, str] | None = None,
        tls: Tls | None = None,
        api_key: str | None = None,
        bulk: bool = False,
    ) -> None:
        transport = connect(url, headers=headers, asynchronous=True, tls=tls, api_key=api_key)
        self._talk = Conversation(
            transport, Tasks(), retry=retry, timeout=timeout, in_flight=in_flight, bulk=bulk
        )

    async def __aenter__(self) -> "Self":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """As `Client.close`."""
        await self._talk.close()

    async def wait_until_ready(self, name: str | None = None, *, timeout: float = 60.0) -> None:
        """As `Client.wait_until_ready`."""
        await self._talk.catalogue.wait_until_ready(name, timeout)

    async def models(self, *, everything: bool = False) -> list[ServedModel]:
        """As `Client.models`."""
        return await self._talk.catalogue.models(everything=everything)

    async def model(self, name: str, *, version: str | int = "") -> ServedModel:
        """As `Client.model`."""
        return await self._talk.catalogue.model(name, version)

    def stream(
        self,
        name: str,
        items: AnyIterable[Any],
        *,
        errors: Errors = "raise",
        plain: bool = False,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """As `Client.stream`, for `async for`."""
        return self._talk.stream_any(name, items, errors, options, plain=plain)

    async def token_counts(
        self,
        name: str,
        items: str | AnyIterable[Any],
        *,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.int32]:
        """As `Client.token_counts`."""
        return await self._talk.token_counts(name, items, version, timeout)


class Tasks:
    """The world of asyncio: jobs are tasks."""

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def start(self, job: Job[Value]) -> asyncio.Task[Value]:
        return asyncio.get_running_loop().create_task(job())

    async def result(self, handle: asyncio.Task[Value]) -> Value:
        return await handle

    async def abandon(self, handles: Iterable[asyncio.Task[Any]]) -> None:
        tasks = list(handles)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        pass

    def each(self, items: Any) -> AsyncIterator[Any]:
        return aiter(items) if hasattr(items, "__aiter__") else each(items)
