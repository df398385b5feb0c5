"""Items of a call as the inputs of a model: which texts one item is made of, and what each must be.

An item is a text, or a tuple of what belongs together, such as a question with its context. Knows no network.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tritext.failures import ClientError, IncompatibleModel, InvalidRequest, InvalidText
from tritext.results import ServedModel

MOST_STACKED = 256
"""Items in one request of a model that takes any number; its tokenizer makes no more rows of a request than that."""

USUAL_STACKED = 64
"""As many as the models with a `max_batch_size` take."""

Row = tuple[list[bytes], ...] | InvalidText
"""An item as it is sent, the strings of each input; or what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One of the texts that an item is made of.

    Attributes:
        input: The model's input that it goes into.
        many: Whether it is a list of texts.
        optional: Whether some models of the task go without.
        kind: What it is called on the command line: a file's column of it is named by `--KIND-column`.
        columns: Names of columns that are likely to hold it in a file, the likeliest first.
        option: The option of the command line that gives it to all items, if there is one.
        separator: Between the texts of a list where one string holds them; if there is none, a list is
            gathered from as many lines or rows.
    """

    input: str
    many: bool = False
    optional: bool = False
    kind: str
    columns: tuple[str, ...]
    option: str | None = None
    separator: str | None = None

    @property
    def name(self) -> str:
        """As a person calls it."""
        return self.input.lower().replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Form:
    """How the items of a call become requests of one model.

    Attributes:
        fields: What an item is made of.
        stacked: Whether the items of a request lie above one another, [items, 1]; else it holds one item.
        usual: Items in one request.
        most: The same where a call wishes more.
    """

    fields: tuple[Field, ...]
    stacked: bool
    usual: int
    most: int

    def tensors(self, rows: Sequence[Sequence[list[bytes]]]) -> dict[str, npt.NDArray[np.object_]]:
        """The inputs of one request: BYTES [items, 1], or, of an item that goes alone, [its texts]."""
        columns = zip(*rows, strict=True)
        shape = (len(rows), 1) if self.stacked else (-1,)
        return {
            field.input: _objects([value for values in column for value in values]).reshape(shape)
            for field, column in zip(self.fields, columns, strict=True)
        }

    def located(self, error: InvalidText) -> InvalidText:
        """The server's complaint, which counts strings of an input, with the item's position in the request."""
        if self.stacked:
            return error
        is_entry = any(field.many for field in self.fields if field.input == error.input)
        return error.at(0, entry=error.row if is_entry else None)

    def blamed(self, error: InvalidRequest) -> ClientError:
        """A refusal that names no text, as the fault of the item that went alone if it speaks of the item's inputs."""
        if self.stacked or not any(re.search(rf"\b{field.input}\b", error.reason) for field in self.fields):
            return error
        for field in self.fields:
            if error.reason.startswith(f"{field.input} "):
                return InvalidText(
                    row=0, reason=error.reason.removeprefix(f"{field.input} "), input=field.input
                )
        return InvalidText(row=0, reason=f"is refused: {error.reason}", input=self.fields[0].input)


def form_of(fields: Sequence[Field], model: ServedModel) -> Form:
    """The form of a model's requests, by what it says of itself.

    Raises:
        IncompatibleModel: It lacks an input of the task.
    """
    for field in fields:
        if not field.optional and model.input(field.input) is None:
            raise IncompatibleModel(name=model.name, expected=f"an input {field.input}", got="none")
    taken = tuple(field for field in fields if model.input(field.input))
    if model.max_batch_size:
        return Form(fields=taken, stacked=True, usual=model.max_batch_size, most=model.max_batch_size)
    if all(tensor.shape == (-1, 1) for tensor in model.inputs):
        return Form(fields=taken, stacked=True, usual=USUAL_STACKED, most=MOST_STACKED)
    return Form(fields=taken, stacked=False, usual=1, most=1)


def encode(item: Any, fields: Sequence[Field], position: int) -> Row:
    """The item at `position` of a call as UTF-8, or why it cannot be sent."""
    values = item if isinstance(item, tuple) else (item,)
    if len(values) != len(fields):
        return _incomplete(values, fields, position)
    found: list[list[bytes]] = []
    for value, field in zip(values, fields, strict=True):
        strings = _strings(value, field, position)
        if isinstance(strings, InvalidText):
            return strings
        found.append(strings)
    return tuple(found)


def _incomplete(values: Sequence[Any], fields: Sequence[Field], position: int) -> InvalidText:
    names = [field.name for field in fields]
    takes = f"a tuple ({', '.join(names)})" if len(names) > 1 else "one text; many texts are given as a list"
    if len(values) < len(fields):
        reason = f"comes without its {' and '.join(names[len(values) :])}: this model takes {takes}"
    else:
        reason = f"is a tuple of {len(values)}: this model takes {takes}"
    return InvalidText(row=position, reason=reason, input=fields[0].input)


def _strings(value: Any, field: Field, position: int) -> list[bytes] | InvalidText:
    if not field.many:
        text = _encoded(value)
        return (
            [text] if isinstance(text, bytes) else InvalidText(row=position, reason=text, input=field.input)
        )
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        reason = f"are no list: expected a list of str, got {type(value).__name__}"
        return InvalidText(row=position, reason=reason, input=field.input)
    if not len(value):
        return InvalidText(row=position, reason="are empty: expected at least one text", input=field.input)
    found: list[bytes] = []
    for entry, one in enumerate(value):
        text = _encoded(one)
        if isinstance(text, str):
            return InvalidText(row=position, reason=text, input=field.input, entry=entry)
        found.append(text)
    return found


def _encoded(value: Any) -> bytes | str:
    """The text as UTF-8, or the reason why it has none."""
    if not isinstance(value, str):
        return f"is no text: expected a str, got {type(value).__name__}"
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        return _unencodable(ord(value[error.start]), error.start)


def _unencodable(code: int, position: int) -> str:
    """Python carries bytes of the outside that are not UTF-8 as U+DC80 to U+DCFF (PEP 383)."""
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004
        return f"is not valid UTF-8: byte 0x{code - 0xDC00:02x} at position {position}"
    return f"is not valid Unicode: half of a surrogate pair, U+{code:04X}, at position {position}"


def _objects(values: Sequence[bytes]) -> npt.NDArray[np.object_]:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array
