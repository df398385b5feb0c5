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
    """Reads the lines as they come, remembers which models were loaded, passes on what the level wants."""

    def __init__(self, level: str, *, gpu: bool, pass_on: Callable[[str], None]) -> None:
        self.loaded: set[str] = set()
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._shown = SHOWN[level]
        self._noise = () if gpu or level in {"info", "verbose"} else NOISE
        self._pass_on = pass_on

    def read(self, line: str) -> None:
        match = SEVERITY.match(line)
        self.loaded.update(LOADED.findall(line))
        if self._hidden(match[1] if match else None, line):
            return
        if line.strip():
            self.last.append(line)
        self._pass_on(line)

    def _hidden(self, severity: str | None, line: str) -> bool:
        if severity is None:
            # A model prints, or one of Triton's tables and notices at level info.
            hidden = not line.strip() or ("I" not in self._shown and line.startswith(("+", "|", "Signal (")))
        else:
            hidden = severity not in self._shown
        return hidden or any(noise in line for noise in self._noise)
