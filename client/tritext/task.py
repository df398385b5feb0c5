"""What the client must know of a task, and what a call asks of a model of it. Knows no network and no single task."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy.typing as npt

from tritext.failures import InvalidRequest, ServerFailed
from tritext.items import Field
from tritext.parameters import Carry, Parameter

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Errors = Literal["raise", "return"]

HOW_SENT = ("version", "timeout", "batch_size")
"""Options of every method, which are no request parameters."""


class Common(TypedDict, total=False):
    """Keyword arguments of every task's method, all optional.

    Attributes:
        version: A version of the model; the newest that is ready if not given.
        timeout: Seconds for each request with its retries; the client's own if not given.
        batch_size: Items in one request, where the model takes several; as many as are fastest if not given.
    """

    version: str | int
    timeout: float | None
    batch_size: int | None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How items are sent. None stands for the client's own timeout and for as many items as the model takes."""

    errors: Errors = "raise"
    timeout: float | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.errors not in {"raise", "return"}:
            raise InvalidRequest(f"errors takes 'raise' or 'return', not {self.errors!r}")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked about every item of a call.

    Attributes:
        decode: From the outputs of a request, each [items, …], one answer for each item.
        shared: What every item of the call has in common, behind what is its own.
        classes: If not 0, the best so many labels are asked for in place of an output's numbers.
    """

    task: "Task"
    model: str
    version: str
    outputs: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    decode: Callable[[Arrays], Sequence[Any]]
    shared: tuple[Any, ...] = ()
    classes: int = 0

    def is_one(self, items: Any) -> bool:
        """Whether `items` is a single one: a text, or a tuple where an item is made of several texts."""
        if isinstance(items, str | bytes):
            return True
        return isinstance(items, tuple) and len(self.task.fields) - len(self.shared) > 1

    def whole(self, item: Any) -> Any:
        """An item with what is shared."""
        if not self.shared:
            return item
        return (*(item if isinstance(item, tuple) else (item,)), *self.shared)


def documents(array: Array) -> list[Any]:
    """The JSON documents of an output such as RESULT."""
    try:
        return [json.loads(row) for row in array.reshape(-1)]
    except (TypeError, ValueError) as error:
        raise ServerFailed(f"RESULT is not JSON ({error})") from error


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task by Hugging Face's name.

    Attributes:
        fields: What an item is made of.
        options: The method's own options, and how each travels.
        records: From the output's array, [items, …], one answer for each item, as the method returns it.
        headings: Of the table of answers that `tritext predict` prints.
        cells: From an item and its answer (as `records` has it), the rows of that table.
        plain: As `records`, in Python's own types: what the pipeline of transformers returns.
        output: The output that holds the answers, by the options.
    """

    name: str
    fields: tuple[Field, ...]
    options: Mapping[str, Carry]
    records: Callable[[Array], Sequence[Any]]
    headings: tuple[str, ...]
    cells: Callable[[Any, Any], Sequence[tuple[str, ...]]]
    plain: Callable[[Array], Sequence[Any]] = documents
    output: Callable[[Mapping[str, Any]], str] = lambda _options: "RESULT"

    def question(
        self, model: str, options: Mapping[str, Any], *, shared: tuple[Any, ...] = (), plain: bool = False
    ) -> Question:
        """What a call of the task's method asks for.

        Raises:
            InvalidRequest: The task has no such option, or it takes no such value.
        """
        own = {name: value for name, value in options.items() if name not in HOW_SENT}
        self.check_options(own)
        output, decode = self.output(own), self.plain if plain else self.records
        return self.asking(
            model,
            own,
            outputs=(output,),
            decode=lambda arrays: decode(arrays[output]),
            shared=shared,
            version=options.get("version", ""),
        )

    def asking(
        self,
        model: str,
        options: Mapping[str, Any],
        *,
        outputs: tuple[str, ...],
        decode: Callable[[Arrays], Sequence[Any]],
        version: str | int = "",
        shared: tuple[Any, ...] = (),
        classes: int = 0,
    ) -> Question:
        """A question about other outputs than the method's."""
        carried = {name: self.options[name](name, value) for name, value in options.items()}
        return Question(
            task=self,
            model=model,
            version=str(version),
            outputs=outputs,
            parameters={name: value for name, value in carried.items() if value is not None},
            decode=decode,
            shared=shared,
            classes=classes,
        )

    def check_options(self, names: Mapping[str, Any]) -> None:
        """Raise `InvalidRequest` if the task lacks one of them."""
        for name in names:
            if name not in self.options:
                raise UnknownOption(name, task=self)


def shared(value: Any) -> tuple[Any, ...]:
    """What a call gives once for all its items, if it does."""
    return () if value is None else (value,)


class UnknownOption(InvalidRequest):
    """A method was given an option that its task does not have."""

    def __init__(self, name: str, *, task: Task) -> None:
        known = ", ".join((*task.options, *HOW_SENT))
        super().__init__(f"{task.name} has no option {name}; its options are {known}")


def delivery(errors: Errors, options: Mapping[str, Any]) -> Delivery:
    """How a call with these options is sent."""
    return Delivery(
        errors=errors, **{name: options[name] for name in ("timeout", "batch_size") if name in options}
    )


def records_by(read: Callable[[Any], Any]) -> Callable[[Array], list[Any]]:
    """`Task.records` of a task whose answers are JSON documents; `read` makes a record of one."""

    def records(array: Array) -> list[Any]:
        found = documents(array)
        try:
            return [read(document) for document in found]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ServerFailed(f"RESULT is not what the task answers ({error!r})") from error

    return records
