"""What can go wrong when a served model is called, as typed errors, and how Triton's statuses become them.

Knows statuses and sentences of both protocols; knows no library that carries them.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from tritext.errors import TritextError


class ClientError(TritextError):
    """Base of all errors of `Client` and `AsyncClient`."""


class ModelNotFound(ClientError):
    """No model of that name, or no such version of it, is served."""

    def __init__(self, *, name: str, version: str = "", served: Sequence[str] = ()) -> None:
        self.name = name
        self.version = version
        which = f"{name!r} version {version}" if version else repr(name)
        there = f"; there are: {', '.join(served)}" if served else ""
        super().__init__(f"The server has no model {which}{there}.")


class IncompatibleModel(ClientError):
    """The model is served, but it is no Tritext model of the task that was asked for."""

    def __init__(self, *, name: str, expected: str, got: str) -> None:
        self.name = name
        super().__init__(f"Model {name!r} cannot answer this: expected {expected}, got {got}.")


class InvalidText(ClientError):
    """One text, or set of texts that belong together, cannot be answered; sending it again cannot help.

    Attributes:
        row: The position of its item among the items of the call, from 0.
        reason: What is wrong with it; the server's own words where the server refused it.
        input: The input of the model that it went into.
        entry: Its position in that input, where one item holds several texts there, as candidate labels.
    """

    def __init__(self, *, row: int, reason: str, input: str = "TEXT", entry: int | None = None) -> None:  # noqa: A002
        self.row = row
        self.reason = reason
        self.input = input
        self.entry = entry
        what = input.lower().replace("_", " ")
        where = f"{what.capitalize()} {row} (counted from 0)"
        if entry is not None:
            where = f"Entry {entry} of the {what} of item {row} (both counted from 0)"
        super().__init__(f"{where} {reason}.")

    def at(self, row: int, *, entry: int | None = None) -> "InvalidText":
        """The same complaint about the text at another position."""
        return InvalidText(
            row=row, reason=self.reason, input=self.input, entry=self.entry if entry is None else entry
        )


class InvalidRequest(ClientError):
    """The server, or the check before sending, refuses the request for another reason than one of its texts.

    Attributes:
        reason: The words of whoever refused it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason.rstrip(".")
        super().__init__(f"The request is refused: {reason.rstrip('.')}.")


class NotAllowed(InvalidRequest):
    """The server keeps the operation for those who have its API key."""

    def __init__(self) -> None:
        super().__init__(
            "this part of the server wants its API key: give `api_key`, or name a file with it in TRITEXT_API_KEY_FILE"
        )


class TooMuchAtOnce(InvalidRequest):
    """The texts of one request are more than the model takes at once; fewer texts may do."""


class ServerFailed(ClientError):
    """The server reports a fault of its own, or answers what no Triton would."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The server failed: {reason.rstrip('.')}.")


class NotHttp(ServerFailed):
    """What answers does not speak HTTP."""

    def __init__(self, *, address: str) -> None:
        super().__init__(f"{address} does not speak HTTP: it may be Triton's port for gRPC, usually 8001")


class TransientError(ClientError):
    """It may work later. Requests change nothing on the server, so these are tried again within the deadline."""

    exit_code: ClassVar[int] = 4


class Overloaded(TransientError):
    """The server's queue is full, or the request waited in it for too long.

    Attributes:
        waited: It was taken into the queue and its time ran out there.
    """

    def __init__(self, reason: str) -> None:
        self.waited = bool(_WAITED.search(reason))
        super().__init__(f"The server has more requests than it can answer in time: {reason.rstrip('.')}.")


class ServerUnavailable(TransientError):
    """No server there, the connection broke, or the model or a step of it is down at the moment."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The server is not available: {reason.rstrip('.')}.")


class DeadlineExceeded(ClientError):
    """No answer within the time that the call allows."""

    exit_code: ClassVar[int] = 4

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"No answer within {seconds:g} s.")


class ClientClosed(ClientError):
    """The client was used after `close()`."""

    def __init__(self) -> None:
        super().__init__("This client is closed; make a new one.")


# The statuses of the two protocols: names of https://grpc.io/docs/guides/status-codes/, numbers of HTTP.
_NOT_FOUND = {"NOT_FOUND", "404"}
_UNAVAILABLE = {"UNAVAILABLE", "CANCELLED", "502", "503", "504"}
_BUSY = {"RESOURCE_EXHAUSTED", "429"}
_TOO_LARGE = {"413"}
_REFUSED = {"INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED", "400", "401", "403", ""}

_BAD_ROW = re.compile(r"\b([A-Z][A-Z_]*) row (\d+) (.+)", re.DOTALL)
_TOO_MUCH = re.compile(r"(?:this request |[A-Z_]+ )?(.+); .*\bsend (?:less|fewer)\b", re.DOTALL)
_PREFIX = re.compile(r"^(?:\[request id: [^\]]*\] )?in ensemble '[^']*', ")
_NOT_LOADED = re.compile(r"no available versions")
_STEP_DOWN = re.compile(r"\bstub process\b|\bis not ready\b|\bis not healthy\b", re.IGNORECASE)
_RESTRICTED = re.compile(r"\bis restricted, expecting header\b")
_FULL = re.compile(r"maximum queue size", re.IGNORECASE)
_WAITED = re.compile(r"timeout expired", re.IGNORECASE)
_OUTPUT_MISSING = re.compile(r"unexpected inference (?:in|out)put")


def failure(
    status: str, sentence: str, *, model: str = "", version: str = "", address: str = ""
) -> ClientError:
    """The error for a status of gRPC ("NOT_FOUND") or HTTP ("404") and the server's sentence.

    `DEADLINE_EXCEEDED` is not here: whoever set the deadline knows of it.
    """
    where = f"{address}: " if address else ""
    if _NOT_LOADED.search(sentence) or _STEP_DOWN.search(sentence):
        return ServerUnavailable(where + sentence)
    if status in _NOT_FOUND and model:
        return ModelNotFound(name=model, version=version)
    if status in _UNAVAILABLE and not _RESTRICTED.search(sentence):
        busy = _FULL.search(sentence) or _WAITED.search(sentence)
        return Overloaded(sentence) if busy else ServerUnavailable(where + sentence)
    if status in _BUSY and "larger than max" not in sentence:
        return Overloaded(sentence)
    # What is restricted is UNAVAILABLE over gRPC, but no waiting mends it.
    if status in _REFUSED | _BUSY | _TOO_LARGE | _UNAVAILABLE:
        return _refusal(sentence, model)
    return ServerFailed(f"{sentence} (status {status})")


def _refusal(sentence: str, model: str) -> ClientError:
    sentence = _PREFIX.sub("", sentence)
    if _RESTRICTED.search(sentence):
        return NotAllowed()
    if bad := _BAD_ROW.search(sentence):
        return InvalidText(input=bad[1], row=int(bad[2]), reason=bad[3].rstrip("."))
    if much := _TOO_MUCH.match(sentence):
        return TooMuchAtOnce(much[1])
    if _OUTPUT_MISSING.search(sentence):
        return IncompatibleModel(name=model, expected="a model of Tritext's", got=sentence)
    return InvalidRequest(sentence)
