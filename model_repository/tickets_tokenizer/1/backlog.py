"""How much waits before the network, and the first step's wait until that is little.

So one queue is finite, the first, which refuses before anything was done; the network's own stays short and has no limits,
and only for such a queue does Triton form the next batch while one is computed. `tritext serve` says when, and how much; under
another server nothing is held here. Triton's page of metrics tells how many requests wait.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

MOST = "most_rows_waiting"
"""The parameter of the step's config that says how many rows may wait before the network."""

PAGE = "TRITEXT_METRICS_URL"
"""The environment variable with the URL of Triton's page of metrics."""

GAUGE = "nv_inference_pending_request_count"

FEWEST = 4
"""Requests that may always wait, however large they are: the network must never want for work."""

PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two looks at a full queue, at first and at most."""

SHARE = 0.25
"""Of the queue, what is to leave it between two looks."""

LONGEST = 10.0
"""Seconds after which the first step goes on in any case."""

PATIENCE = 1.0
"""Seconds for Triton to show its page."""


class Backlog:
    """The network's queue, as the step before it sees it; `args` are what Triton tells that step.

    The page is read only when the queue could be full: when that much was let in since it was read last.
    """

    def __init__(self, args: Mapping[str, str]) -> None:
        parameters: dict[str, Any] = json.loads(args["model_config"]).get("parameters", {})
        self._most = int(parameters.get(MOST, {}).get("string_value", 0))
        self._gauge = f'{GAUGE}{{model="{_network(args["model_name"])}",'
        self._page = _Page(os.environ.get(PAGE, ""))
        self._waited = 0
        self._let_in = 0
        self._rows_per_request = 1.0

    def wait(self) -> None:
        """Return when there is room, or at once where nothing is to be held."""
        end, pause = time.monotonic() + LONGEST, PAUSE
        while self._most and self._is_full() and time.monotonic() < end:
            time.sleep(pause)
            before, self._waited = self._waited, self._page.sum_of(self._gauge)
            left = max(1, before - self._waited)
            pause = min(2 * pause, max(PAUSE, pause * SHARE * self._room / left), LONGEST_PAUSE)

    def add(self, requests: int, rows: int) -> None:
        """So many are on their way to the network now."""
        self._let_in += requests
        if requests:
            self._rows_per_request += 0.1 * (rows / requests - self._rows_per_request)

    @property
    def _room(self) -> float:
        """In requests."""
        return max(FEWEST, self._most / self._rows_per_request)

    def _is_full(self) -> bool:
        if self._let_in and self._waited + self._let_in >= self._room:
            self._waited, self._let_in = self._page.sum_of(self._gauge), 0
        return self._waited + self._let_in >= self._room


def _network(step: str) -> str:
    """The network's name, from the first step's: `tickets_tokenizer@3` stands before `tickets_model@3`."""
    plain, at, version = step.partition("@")
    return f"{plain.rpartition('_')[0]}_model{at}{version}"


class _Page:
    """A page of metrics, read over one connection."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._path = place.path
        self._connection = http.client.HTTPConnection(
            place.hostname or "localhost", place.port, timeout=PATIENCE
        )

    def sum_of(self, series: str) -> int:
        """What the lines that begin so say together; nothing, where the page cannot be read."""
        with suppress(OSError, ValueError, http.client.HTTPException):
            self._connection.request("GET", self._path)
            lines = self._connection.getresponse().read().decode().splitlines()
            return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series)))
        self._connection.close()
        return 0
