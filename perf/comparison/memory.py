"""What a server's processes keep in memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil


def megabytes(pid: int) -> dict[str, float]:
    """Of all processes and of each kind; what they share is counted once (PSS)."""
    whole = psutil.Process(pid)
    found: dict[str, float] = {}
    for process in (whole, *whole.children(recursive=True)):
        with suppress(psutil.Error):
            found[process.name()] = found.get(process.name(), 0.0) + process.memory_full_info().pss / 1e6
    return {"all": round(sum(found.values()), 1), **{name: round(size, 1) for name, size in found.items()}}


@contextmanager
def watched(pid: int, *, every: float) -> Iterator[list[dict[str, float]]]:
    """Readings, with the second at which each was taken, again and again during the block."""
    readings: list[dict[str, float]] = []
    over, began = threading.Event(), time.perf_counter()

    def read() -> None:
        while not over.wait(every if readings else 0):
            readings.append({"at": round(time.perf_counter() - began, 1), **megabytes(pid)})

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield readings
    finally:
        over.set()
        reader.join()
