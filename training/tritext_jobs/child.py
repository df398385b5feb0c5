"""A job's own process: it does the work, says how far it is, and dies with its worker. Knows no database and no broker.

Usage: python -m tritext_jobs.child ID, with the order as a line of JSON on standard input; answers go to standard output.
"""

import json
import math
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tritext.errors import MissingExtra, TritextError
from tritext_jobs.arguments import checked

REPOSITORY = Path("model_repository")
"""Where none is named: beside the jobs' folder."""

TELL_SECONDS = 0.2
BUSY = ("AlreadyRunning", "RunBusy")
"""Errors that say that a process of a dead worker has not quite ended yet."""

AGAIN_SECONDS = 0.5


class Channel:
    """The way to the worker, which nothing else writes to: libraries' prints go to the log."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._told = 0.0
        self._pinned = threading.Event()

    def listen(self, lines: IO[str]) -> None:
        """Hear the worker's answers until it is gone, and then end with all that this process has started."""
        for _ in lines:
            self._pinned.set()
        os.killpg(0, signal.SIGKILL)

    def say(self, value: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(finite(value)) + "\n")
        self._out.flush()

    def progress(self, done: float, message: str) -> None:
        if time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            self.say({"progress": done, "message": message})

    def pin(self, values: Mapping[str, Any]) -> None:
        self._pinned.clear()
        self.say({"pin": values})
        self._pinned.wait()


@dataclass(kw_only=True)
class Task:
    """The job as its work sees it.

    Attributes:
        attempt: From 1 on.
        started: When the first attempt began.
        folder: The jobs' folder, for what has no other place.
        parts: Kind, arguments and result of each part that is done.
    """

    id: str
    attempt: int
    started: datetime
    folder: Path
    parts: list[dict[str, Any]]
    channel: Channel
    _settled: dict[str, Any] = field(default_factory=dict)

    def tell(self, done: float, message: str) -> None:
        """Say how far it is, from 0 to 1."""
        self.channel.progress(done, message)

    def pin(self, **values: Any) -> None:
        """Settle arguments for this and every later attempt; returns when they are."""
        self._settled |= {
            name: str(value) if isinstance(value, Path) else value for name, value in values.items()
        }
        self.channel.pin(self._settled)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it; see `tritext_jobs.store.Done`. A part is a kind and its arguments."""

    result: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    parts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def main() -> None:
    channel = Channel()
    # What Ctrl+C undoes, a worker that stops a job must undo.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=channel.listen, args=(sys.stdin,), daemon=True).start()
    try:
        channel.say(_reply(order, channel))
    except KeyboardInterrupt:
        os._exit(130)
    except TritextError as error:
        channel.say({"error": str(error)})
    except Exception as error:  # noqa: BLE001 - whatever it is, its job will not succeed, and its user must be told
        traceback.print_exc()
        channel.say({"error": _unexpected(error)})
    sys.stderr.flush()
    os._exit(0)  # threads of libraries have nothing more to say


def _reply(order: dict[str, Any], channel: Channel) -> dict[str, Any]:
    from tritext_jobs.work import work_of  # noqa: PLC0415 - only now is standard output the worker's alone

    arguments = checked(order["kind"], order["arguments"])
    task = Task(
        id=order["id"],
        attempt=order["attempt"],
        started=datetime.fromisoformat(order["started"]),
        folder=Path(order["folder"]),
        parts=order["parts"],
        channel=channel,
    )
    outcome = _insisted(work_of(order["kind"]), task, arguments, seconds=order["patience"])
    parts = [{"id": str(uuid.uuid4()), "kind": kind, "arguments": given} for kind, given in outcome.parts]
    return {"result": outcome.result, "reports": outcome.reports, "parts": parts}


def _insisted(work: Any, task: Task, arguments: Any, *, seconds: float) -> Outcome:
    """Do the work, once nobody else holds what it needs."""
    until = time.monotonic() + seconds
    while True:
        try:
            outcome: Outcome = work(task, arguments)
        except TritextError as error:  # noqa: PERF203 - tried again is what it is for
            if type(error).__name__ not in BUSY or time.monotonic() > until:
                raise
            time.sleep(AGAIN_SECONDS)
        else:
            return outcome


def _unexpected(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("tritext"):
        return str(MissingExtra(extra="worker", module=str(error.name)))
    lines = str(error).strip().splitlines()
    reason = f": {lines[0]}" if lines else ""
    return f"Unexpected {type(error).__name__}{reason}; the job's log has the whole story."


def finite(value: Any) -> Any:
    """JSON in databases knows no NaN: a figure that does not exist becomes null."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, str):  # numpy's numbers
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
