"""The verbs of the `tritext` command, one module each: options and help here, the work in the part it names."""

from collections.abc import Callable
from importlib import import_module

VERBS = (
    "train",
    "build",
    "serve",
    "status",
    "deploy",
    "rollback",
    "predict",
    "score",
    "explain",
    "evaluate",
    "experiments",
    "bench",
    "tune",
    "capacity",
    "submit",
    "worker",
    "jobs",
    "report",
    "compare",
)
"""In the order in which a newcomer meets them."""


def load(verb: str) -> Callable[..., None]:
    """The function behind `verb`: `tritext.commands.<verb>.<verb>`."""
    function: Callable[..., None] = getattr(import_module(f"{__name__}.{verb}"), verb)
    return function
