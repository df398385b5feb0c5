"""Triton's log, line by line: what severity a line has, what news it carries, and which lines say nothing to anyone."""

import re
from collections import deque
from collections.abc import Callable

SEVERITY = re.compile(r"([IWEF])\d{4} [\d:.]+ \d+ ")
LOADED = re.compile(r"successfully loaded '([^']+)'")

SHOWN = {"error": "EF", "warning": "WEF", "info": "IWEF", "verbose": "IWEF"}
"""Severities passed on, by log level."""

NOISE = (
    "CUDA driver version is insufficient",
    "DCGM unable to start",
    "failed to allocate pinned system memory",
    "Pinned memory pool",
    "CUDA memory pool",
    "CudaDriverHelper has not been initialized",
    "Failed to initialize NVML",
)
"""What Triton complains of on every machine without a GPU, where nothing is amiss."""

LAST_LINES = 50
"""How many lines are kept to explain a death."""


class Log:
    """Reads the lines as they come, remembers which models were loaded, passes on what the level wants.

    Until `release` is called, errors and warnings are held back: a server that does not become ready says why itself.
    """

    def __init__(self, level: str, *, gpu: bool, pass_on: Callable[[str], None]) -> None:
        talkative = level in {"info", "verbose"}
        self.loaded: set[str] = set()
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._shown = SHOWN[level]
        self._noise = () if gpu or talkative else NOISE
        self._pass_on = pass_on
        self._held: list[str] | None = None if talkative else []

    def read(self, line: str) -> None:
        match = SEVERITY.match(line)
        self.loaded.update(LOADED.findall(line))
        if self._hidden(match[1] if match else None, line):
            return
        self.last.append(line)
        if self._held is None:
            self._pass_on(line)
        else:
            self._held.append(line)

    def release(self) -> None:
        """The server is ready: what was held back is passed on, and from now on every line at once."""
        held, self._held = self._held or [], None
        for line in held:
            self._pass_on(line)

    def _hidden(self, severity: str | None, line: str) -> bool:
        if severity is None:
            # A model prints, or one of Triton's tables and notices at level info.
            hidden = not line.strip() or ("I" not in self._shown and line.startswith(("+", "|", "Signal (")))
        else:
            hidden = severity not in self._shown
        return hidden or any(noise in line for noise in self._noise)
