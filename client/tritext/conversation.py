"""A client's one logic, for both worlds: tries and deadlines, texts cut into requests, several requests under way.

It is written as coroutines over a `World` and a `Transport`; knows neither threads nor asyncio, neither gRPC nor HTTP.
"""

import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from tritext.failures import (
    ClientError,
    DeadlineExceeded,
    IncompatibleModel,
    InvalidRequest,
    InvalidText,
    ModelNotFound,
    Overloaded,
    ServerUnavailable,
    TransientError,
)
from tritext.results import ServedModel, TensorSpec, is_step, model_of
from tritext.retry import Deadline, RetryPolicy
from tritext.rows import Batch, answers_or_errors, batches, encode, sound
from tritext.transport import Arrays, Inference, Parameters, Transport
from tritext.worlds import World

Value = TypeVar("Value")
Errors = Literal["raise", "return"]

POLL_SECONDS = 0.1

DTYPES = {"FP32": np.float32, "INT32": np.int32}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked about every text of a call; a task makes it.

    Attributes:
        task: The task that the model must be of.
        decode: From the outputs, each [rows, …], one answer for each row.
    """

    task: str
    model: str
    version: str
    outputs: tuple[str, ...]
    parameters: Parameters
    decode: Callable[[Arrays], Sequence[Any]]
    classes: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How texts are sent. None stands for the client's own timeout and the model's own `max_batch_size`."""

    errors: Errors = "raise"
    timeout: float | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.errors not in {"raise", "return"}:
            raise InvalidRequest(f"errors takes 'raise' or 'return', not {self.errors!r}")


class Conversation:
    """Everything that is asked of one server."""

    def __init__(
        self, transport: Transport, world: World, *, retry: RetryPolicy, timeout: float, in_flight: int
    ) -> None:
        if in_flight < 1:
            raise InvalidRequest(f"in_flight must be 1 or more, not {in_flight}")
        self._transport = transport
        self._world = world
        self._retry = retry
        self._timeout = timeout
        self._in_flight = in_flight
        self._known: dict[tuple[str, str], ServedModel] = {}

    async def close(self) -> None:
        await self._transport.close()
        await self._world.close()

    # ---- the server and its models

    async def wait_until_ready(self, name: str | None, seconds: float) -> None:
        deadline = Deadline.after(seconds)
        trouble: ClientError | None = None
        while (remaining := deadline.remaining()) > 0:
            try:
                if await self._transport.is_ready(remaining, name=name):
                    return
            except (TransientError, DeadlineExceeded) as error:
                trouble = error
            await self._world.pause(min(POLL_SECONDS, max(0.0, deadline.remaining())))
        what = f"model {name!r}" if name else str(self._transport.address)
        raise ServerUnavailable(f"{what} was not ready within {seconds:g} s") from trouble

    async def models(self, *, everything: bool) -> list[ServedModel]:
        entries = await self._insist(self._transport.index, self._timeout)
        names = list(dict.fromkeys(entry["name"] for entry in entries))
        found = [
            await self._listed(name, [entry for entry in entries if entry["name"] == name])
            for name in names
            if everything or not is_step(name, names)
        ]
        return [model for model in found if everything or model.task or not model.ready]

    async def _listed(self, name: str, entries: Sequence[Mapping[str, str]]) -> ServedModel:
        versions = sorted(int(entry["version"]) for entry in entries if entry.get("state") == "READY")
        reason = "; ".join(entry["reason"] for entry in entries if entry.get("reason")) or "not loaded"
        if versions:
            try:
                return model_of(await self._config(name, ""), versions)
            except (ModelNotFound, ServerUnavailable) as error:
                reason = str(error)
        return ServedModel(name=name, ready=False, reason=reason)

    async def model(self, name: str, version: str | int) -> ServedModel:
        config = await self._described(name, version)
        entries = await self._insist(self._transport.index, self._timeout)
        ready = (e["version"] for e in entries if e["name"] == name and e.get("state") == "READY")
        return model_of(config, sorted(map(int, ready)))

    async def _described(self, name: str, version: str | int) -> Mapping[str, Any]:
        """The model's config; if there is no such model, the error says which there are."""
        version = _checked(name, version)
        try:
            return await self._config(name, version)
        except ModelNotFound as error:
            raise ModelNotFound(name=name, version=version, served=await self._ready_names()) from error

    async def _ready_names(self) -> list[str]:
        try:
            return [model.name for model in await self.models(everything=False) if model.ready]
        except InvalidRequest:  # the index may be closed to this client
            return []

    async def _config(self, name: str, version: str) -> Mapping[str, Any]:
        return await self._insist(partial(self._transport.config, name=name, version=version), self._timeout)

    async def _fit(self, question: Question) -> ServedModel:
        """The model, if it is of the question's task and has its outputs; asked for once."""
        key = (question.model, question.version)
        if key not in self._known:
            self._known[key] = model_of(await self._described(*key), ())
        model = self._known[key]
        if model.task != question.task:
            got = f"one for {model.task}" if model.task else "a model without a task"
            raise IncompatibleModel(name=model.name, expected=f"a model for {question.task}", got=got)
        for name in question.outputs:
            if model.output(name) is None:
                raise IncompatibleModel(name=model.name, expected=f"an output {name}", got="none")
        return model

    # ---- texts

    async def answer(self, question: Question, texts: Any, delivery: Delivery) -> Any:
        """The answer about one text, or the list of the answers about many."""
        if isinstance(texts, str | bytes):
            await self._fit(question)
            batch = Batch(start=0, rows=[encode(texts, 0)])
            return (await self._settle(question, delivery, batch))[0]
        return [answer async for answer in self.stream(question, texts, delivery)]

    async def table(self, question: Question, texts: Any, delivery: Delivery) -> npt.NDArray[Any]:
        """The numbers about one text, or those about many as rows."""
        answer = await self.answer(question, texts, delivery)
        if isinstance(answer, list) and not answer:
            tensor = await self.output(question)
            return np.empty((0, *tensor.shape), DTYPES[tensor.datatype])
        return np.stack(answer) if isinstance(answer, list) else np.asarray(answer)

    async def output(self, question: Question) -> TensorSpec:
        """The output that the question is about."""
        model = await self._fit(question)
        return next(tensor for tensor in model.outputs if tensor.name == question.outputs[0])

    async def stream(self, question: Question, texts: Any, delivery: Delivery) -> AsyncGenerator[Any, None]:
        """The answers about many texts, in their order, with at most `in_flight` requests under way."""
        model = await self._fit(question)
        most = max(1, model.max_batch_size)
        size = delivery.batch_size or most
        if not 1 <= size <= most:
            raise InvalidRequest(f"batch_size must be from 1 to the model's {most}, not {size}")
        cut = batches(self._world.each(texts), size)
        jobs = (partial(self._settle, question, delivery, batch) async for batch in cut)
        async with aclosing(self._in_order(jobs)) as settled:
            async for answers in settled:
                for answer in answers:
                    yield answer

    async def _in_order(self, jobs: AsyncIterator[Callable[[], Any]]) -> AsyncGenerator[Sequence[Any], None]:
        """The results of jobs in the order of the jobs, several of which run at once."""
        pending: deque[Any] = deque()
        try:
            async for job in jobs:
                pending.append(self._world.start(job))
                if len(pending) >= self._in_flight:
                    yield await self._world.result(pending.popleft())
            while pending:
                yield await self._world.result(pending.popleft())
        finally:
            await self._world.abandon(pending)

    async def _settle(self, question: Question, delivery: Delivery, batch: Batch) -> Sequence[Any]:
        """The answers about a batch; where errors are to be returned, each bad text's error in its place."""
        seconds = self._timeout if delivery.timeout is None else delivery.timeout
        ask = partial(self._infer, question, seconds)
        if delivery.errors == "return":
            return await answers_or_errors(batch.rows, ask, start=batch.start)
        try:
            return await ask(sound(batch.rows, start=batch.start))
        except InvalidText as error:
            raise error.at(batch.start + error.row) from error

    async def _infer(self, question: Question, seconds: float, rows: Sequence[bytes]) -> Sequence[Any]:
        request = Inference(
            model=question.model,
            version=question.version,
            rows=rows,
            outputs=question.outputs,
            parameters=question.parameters,
            classes=question.classes,
        )
        return question.decode(await self._insist(partial(self._transport.infer, request), seconds))

    # ---- tries

    async def _insist(self, send: Callable[[float], Awaitable[Value]], seconds: float) -> Value:
        """Send, again after what may pass, until the deadline or the end of the retry policy.

        Requests change nothing on the server, so sending one twice does no harm.
        """
        deadline = Deadline.after(seconds)
        for attempt in itertools.count(1):
            remaining = deadline.remaining()
            if not remaining > 0:
                break
            try:
                return await send(remaining)
            except DeadlineExceeded as error:
                raise DeadlineExceeded(seconds=seconds) from error
            except TransientError as error:
                pause = self._retry.pause(attempt)
                if pause is None or pause >= deadline.remaining():
                    # What waited in the server's queue waited for as long as the deadline let it.
                    late = isinstance(error, Overloaded) and error.waited
                    raise DeadlineExceeded(seconds=seconds) if late else error from error
                await self._world.pause(pause)
        raise DeadlineExceeded(seconds=seconds)


def _checked(name: Any, version: str | int) -> str:
    """The version as Triton takes it; names and versions that could not be a folder are refused here.

    HTTP would put them into a path.
    """
    if not isinstance(name, str) or not name.isprintable() or "/" in name or name in {"", ".", ".."}:
        raise ModelNotFound(name=name)
    text = str(version)
    if text and not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise InvalidRequest(f"a version is a whole number from 1 up, or '' for the newest, not {version!r}")
    return text
