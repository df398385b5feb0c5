"""A method's options as request parameters: what each may be, and how it travels. Knows no task and no network.

Triton carries strings, whole numbers and booleans; lists go as JSON. What a value means is for the server to say.
"""

import json
import operator
from collections.abc import Callable, Sequence
from typing import Any

from tritext.failures import InvalidRequest

Parameter = str | int | bool
Carry = Callable[[str, Any], Parameter | None]
"""From an option's name and value to what is sent; None is not sent."""

MOST = 2**31 - 1
"""The largest number that both protocols carry; none of our parameters needs a larger one."""

ALL = "all"


def word(name: str, value: Any) -> Parameter | None:
    """A string, such as the name of a strategy."""
    if value is None or isinstance(value, str):
        return value
    raise WrongOption(name, "a str", value)


def number(name: str, value: Any) -> Parameter | None:
    """A whole number; digits as a string, too, which the server reads."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongOption(name, "a whole number", value)
    return max(-MOST, min(operator.index(value), MOST))


def number_or_all(name: str, value: Any) -> Parameter | None:
    """A whole number; "all" or None for as many as there are."""
    return ALL if value is None else number(name, value)


def flag(name: str, value: Any) -> Parameter | None:
    """True or False."""
    if value is None or isinstance(value, bool):
        return value
    raise WrongOption(name, "True or False", value)


def texts(name: str, value: Any) -> Parameter | None:
    """A list of strings."""
    if value is None:
        return None
    is_list = isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)
    if not is_list or not all(isinstance(entry, str) for entry in value):
        raise WrongOption(name, "a list of str", value)
    return json.dumps(list(value))


def unsent(_name: str, _value: Any) -> Parameter | None:
    """For an option that only this side needs."""
    return None


class WrongOption(InvalidRequest):
    """An option has a value of another type than it takes."""

    def __init__(self, name: str, expected: str, value: Any) -> None:
        super().__init__(f"{name} takes {expected}, not {type(value).__name__} ({value!r:.60})")
