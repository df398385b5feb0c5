"""What jobs do, one module a kind: `work` takes the task and its arguments, and may be done again after any interruption."""

from importlib import import_module
from typing import Any


def work_of(kind: str) -> Any:
    """The function that does a kind of job; its part of Tritext is imported only now."""
    return import_module(f"{__name__}.{kind}").work
