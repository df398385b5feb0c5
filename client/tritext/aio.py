"""The client for asyncio: `Client`'s methods as coroutines, over the same logic."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from tritext.classification import label_names, plan, probabilities_question, token_counts_question
from tritext.connecting import connect
from tritext.conversation import Conversation, Delivery, Errors
from tritext.failures import InvalidText
from tritext.results import Label, ServedModel
from tritext.retry import RetryPolicy
from tritext.worlds import Job, Value, each

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from tritext.classification import Options

Texts = Iterable[str] | AsyncIterable[str]


class AsyncClient:
    """`Client` for asyncio: the same arguments, answers and errors. It belongs to the loop that first uses it.

    Texts may come from an async iterable; a plain iterable must not block.
    """

    def __init__(
        self,
        url: str = "localhost:8001",
        *,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable
        in_flight: int = 4,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        transport = connect(url, headers=headers, asynchronous=True)
        self._talk = Conversation(transport, Tasks(), retry=retry, timeout=timeout, in_flight=in_flight)

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
        await self._talk.wait_until_ready(name, timeout)

    async def models(self, *, everything: bool = False) -> list[ServedModel]:
        """As `Client.models`."""
        return await self._talk.models(everything=everything)

    async def model(self, name: str, *, version: str | int = "") -> ServedModel:
        """As `Client.model`."""
        return await self._talk.model(name, version)

    async def labels(self, name: str, *, version: str | int = "") -> tuple[str, ...]:
        """As `Client.labels`."""
        return await label_names(self._talk, name, version)

    @overload
    async def classify(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: str, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[Label]: ...

    @overload
    async def classify(
        self, name: str, texts: Texts, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[list[Label]]: ...

    @overload
    async def classify(
        self, name: str, texts: Texts, *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[Label] | InvalidText]: ...

    async def classify(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """As `Client.classify`."""
        question, delivery = plan(name, errors, options)
        return await self._talk.answer(question, texts, delivery)

    @overload
    def stream(
        self, name: str, texts: Texts, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> AsyncIterator[list[Label]]: ...

    @overload
    def stream(
        self, name: str, texts: Texts, *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> AsyncIterator[list[Label] | InvalidText]: ...

    def stream(
        self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any
    ) -> AsyncIterator[Any]:
        """As `Client.stream`, for `async for`."""
        question, delivery = plan(name, errors, options)
        return self._talk.stream(question, texts, delivery)

    async def probabilities(
        self,
        name: str,
        texts: str | Texts,
        *,
        truncation: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """As `Client.probabilities`."""
        question = probabilities_question(name, truncation=truncation, version=version)
        return await self._talk.table(question, texts, Delivery(timeout=timeout))

    async def token_counts(
        self,
        name: str,
        texts: str | Texts,
        *,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.int32]:
        """As `Client.token_counts`."""
        question = token_counts_question(name, version=version)
        return (await self._talk.table(question, texts, Delivery(timeout=timeout))).reshape(-1)


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

    def each(self, texts: Any) -> AsyncIterator[Any]:
        return aiter(texts) if hasattr(texts, "__aiter__") else each(texts)
