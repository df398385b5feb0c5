"""What can go wrong for a user, as one sentence each.

Every error that a user can cause or must act on derives from `TritextError`. A subclass takes facts and
writes its own sentence: what was expected, what came, what to do. The command line prints that sentence
and exits with `exit_code`; nothing else of Tritext shows a traceback on a user's mistake.
"""

from typing import ClassVar


class TritextError(Exception):
    """Base of all errors that are a user's to see."""

    exit_code: ClassVar[int] = 2


class Interrupted(TritextError):
    """Ctrl+C, or SIGTERM; the exit status is 128 + SIGINT, as shells have it."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("Interrupted.")


class MissingExtra(TritextError):
    """A part of Tritext was called whose libraries are not installed."""

    def __init__(self, *, extra: str, module: str) -> None:
        super().__init__(
            f"This needs the library {module!r}, which is not installed: run `pip install 'tritext[{extra}]'`."
        )
