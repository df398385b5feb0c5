"""A client's one logic, for both worlds: items cut into requests, several requests under way.

It is written as coroutines over a `World` and a `Transport`; knows neither threads nor asyncio, neither gRPC nor HTTP.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tritext.catalogue import Catalogue
from tritext.failures import IncompatibleModel, InvalidRequest, InvalidText, TooMuchAtOnce
from tritext.items import Form, encode, form_of
from tritext.persistence import Persistence
from tritext.results import TensorSpec
from tritext.retry import RetryPolicy
from tritext.rows import Batch, SoundRow, answers_or_errors, batches, in_halves, sound
from tritext.task import Delivery, Errors, Question, Task, delivery
from tritext.tasks import task_of
from tritext.transport import Inference, Transport
from tritext.worlds import World

COUNTS = "TOKEN_COUNT"

BULK = 2
"""The priority of requests that let all others go first, as served models have it; theirs is 1."""

DTYPES = {"FP32": np.float32, "INT32": np.int32, "INT8": np.int8, "UINT8": np.uint8}


class Conversation:
    """Everything that is asked of one server; `catalogue` knows its models."""

    def __init__(
        self,
        transport: Transport,
        world: World,
        *,
        retry: RetryPolicy,
        timeout: float,
        in_flight: int,
        bulk: bool = False,
    ) -> None:
        if in_flight < 1:
            raise InvalidRequest(f"in_flight must be 1 or more, not {in_flight}")
        self._transport = transport
        self._world = world
        self._persistence = Persistence(world=world, policy=retry)
        self.catalogue = Catalogue(transport=transport, persistence=self._persistence, timeout=timeout)
        self._timeout = timeout
        self._in_flight = in_flight
        self._priority = BULK if bulk else 0

    async def close(self) -> None:
        await self._transport.close()
        await self._world.close()

    async def _fit(self, question: Question) -> Form:
        """The form of its requests, if the model is of the question's task and has its outputs."""
        model = await self.catalogue.known(question.model, question.version)
        if model.task != question.task.name:
            got = f"one for {model.task}" if model.task else "a model without a task"
            raise IncompatibleModel(name=model.name, expected=f"a model for {question.task.name}", got=got)
        for name in question.outputs:
            if model.output(name) is None:
                raise IncompatibleModel(name=model.name, expected=f"an output {name}", got="none")
        return form_of(question.task.fields, model)

    # ---- items

    async def ask(
        self,
        task: Task,
        name: str,
        items: Any,
        errors: Errors,
        options: Mapping[str, Any],
        *,
        shared: tuple[Any, ...] = (),
    ) -> Any:
        """The task's answer about one item, or the list of its answers about many."""
        question = task.question(name, options, shared=shared)
        return await self.answer(question, items, delivery(errors, options))

    async def answer(self, question: Question, items: Any, sent: Delivery) -> Any:
        """The answer about one item, or the list of the answers about many."""
        if question.is_one(items):
            form = await self._fit(question)
            batch = Batch(start=0, rows=[encode(question.whole(items), form.fields, 0)])
            return (await self._settle(question, form, sent, batch))[0]
        return [answer async for answer in self.stream(question, items, sent)]

    async def table(self, question: Question, items: Any, sent: Delivery) -> npt.NDArray[Any]:
        """The numbers about one item, or those about many as rows."""
        answer = await self.answer(question, items, sent)
        if isinstance(answer, list) and not answer:
            tensor = await self.output(question)
            return np.empty((0, *(max(0, size) for size in tensor.shape)), DTYPES[tensor.datatype])
        return np.stack(answer) if isinstance(answer, list) else np.asarray(answer)

    async def token_counts(
        self, name: str, items: Any, version: str | int, timeout: float | None
    ) -> npt.NDArray[np.int32]:
        """INT32, the lengths of all lines that the items make."""
        task = task_of(await self.catalogue.known(name, version))
        question = task.asking(
            name, {}, outputs=(COUNTS,), decode=lambda arrays: list(arrays[COUNTS]), version=version
        )
        found = await self.answer(question, items, Delivery(timeout=timeout))
        counts = found if isinstance(found, list) else [found]
        return np.concatenate([np.empty(0, np.int32), *counts])

    async def output(self, question: Question) -> TensorSpec:
        """The output that the question is about."""
        await self._fit(question)
        model = await self.catalogue.known(question.model, question.version)
        return next(tensor for tensor in model.outputs if tensor.name == question.outputs[0])

    async def stream_any(
        self, name: str, items: Any, errors: Errors, options: Mapping[str, Any], *, plain: bool
    ) -> AsyncGenerator[Any, None]:
        """As `stream`, whatever the model's task is."""
        task = task_of(await self.catalogue.known(name, options.get("version", "")))
        question = task.question(name, options, plain=plain)
        async with aclosing(self.stream(question, items, delivery(errors, options))) as answers:
            async for answer in answers:
                yield answer

    async def stream(self, question: Question, items: Any, sent: Delivery) -> AsyncGenerator[Any, None]:
        """The answers about many items, in their order, with at most `in_flight` requests under way."""
        form = await self._fit(question)
        size = form.usual if sent.batch_size is None else sent.batch_size
        if not 1 <= size <= form.most:
            limit = (
                f"from 1 to the model's {form.most}"
                if form.stacked
                else "1: this model takes one item in each request"
            )
            raise InvalidRequest(f"batch_size must be {limit}, not {size}")
        rows = batches(
            self._world.each(items),
            lambda item, position: encode(question.whole(item), form.fields, position),
            size,
        )
        jobs = (partial(self._settle, question, form, sent, batch) async for batch in rows)
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

    async def _settle(self, question: Question, form: Form, sent: Delivery, batch: Batch) -> Sequence[Any]:
        """The answers about a batch; where errors are to be returned, each bad item's error in its place."""
        seconds = self._timeout if sent.timeout is None else sent.timeout
        infer = partial(self._infer, question, form, seconds)
        ask = partial(in_halves, ask=infer, name=form.fields[0].input)
        if sent.errors == "return":
            return await answers_or_errors(batch.rows, ask, start=batch.start)
        try:
            return await ask(sound(batch.rows, start=batch.start))
        except InvalidText as error:
            raise error.at(batch.start + error.row) from error

    async def _infer(
        self, question: Question, form: Form, seconds: float, rows: Sequence[SoundRow]
    ) -> Sequence[Any]:
        request = Inference(
            model=question.model,
            version=question.version,
            inputs=form.tensors(rows),
            outputs=question.outputs,
            parameters=question.parameters,
            classes=question.classes,
            priority=self._priority,
        )
        try:
            arrays = await self._persistence.insist(partial(self._transport.infer, request), seconds)
        except InvalidText as error:
            raise form.located(error) from error
        except TooMuchAtOnce:
            raise
        except InvalidRequest as error:
            raise form.blamed(error) from error
        return question.decode(
            arrays if form.stacked else {name: array[None] for name, array in arrays.items()}
        )
