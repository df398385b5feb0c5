"""Kombu's filesystem transport, made safe for several processes: a message appears whole, and is taken by one of them."""

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):  # type: ignore[misc]
    """Files `TIME_ID.QUEUE.msg`, as kombu's own, so that its plain clients are understood."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        folder = Path(self.data_folder_out)
        written = folder / f".{uuid.uuid4()}"
        written.write_text(dumps(payload), encoding="utf-8")
        written.rename(folder / f"{time_ns():020}_{uuid.uuid4()}.{queue}.msg")

    def _get(self, queue: str) -> Any:
        folder = Path(self.data_folder_in)
        for message in sorted(folder.glob(f"*.{queue}.msg")):
            taken = folder / f".{message.name}.taken"
            try:
                message.rename(taken)
            except FileNotFoundError:  # another process was faster
                continue
            try:
                return loads(taken.read_text(encoding="utf-8"))
            except ValueError:  # a plain client's, still being written: the jobs' tables know of it, or will
                continue
            finally:
                taken.unlink(missing_ok=True)
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        with _alone(Path(self.control_folder)):
            super()._queue_bind(exchange, routing_key, pattern, queue)

    def get_table(self, exchange: str) -> Any:
        with _alone(Path(self.control_folder)):
            return super().get_table(exchange)


class Transport(filesystem.Transport):  # type: ignore[misc]
    Channel = Channel


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
