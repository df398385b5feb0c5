"""How large a request may be: the option of tritonserver, where it has one."""

import mmap
from pathlib import Path

from tritext_serving.settings import ServeSettings

OPTION = "http-max-input-size"


def arguments(settings: ServeSettings, executable: Path) -> dict[str, int]:
    """Tritonserver's option; none where it is too old to have it, and reads whatever it is sent."""
    return {OPTION: settings.max_request_mb << 20} if knows(executable, OPTION) else {}


def knows(executable: Path, option: str) -> bool:
    """Whether a program has an option of that name, without starting it."""
    with executable.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(option.encode()) >= 0
