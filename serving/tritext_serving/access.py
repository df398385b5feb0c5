"""The key to a server's control plane: read or made up, told to Triton, kept for the owner's own commands, and kept from `ps`.

Who controls a Triton can make it run any Python, so all that is not asking models is closed to strangers by default.
Triton takes keys on its command line only, which every user of a machine may read while the process runs. So the
options with the key travel in the guard's environment, which only the owner may read, and are blotted out of the process
as soon as Triton has read them.
"""

import json
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tritext.access import HEADER, headers, key_for, local_file, local_folder, read_key

CLOSED = ("model-repository", "shared-memory", "trace", "logging")
"""Triton's groups of operations that want the key; all others are what clients need."""

ARGUMENTS = "TRITEXT_GUARDED_ARGUMENTS"
"""The environment variable in which the guard finds options for tritonserver that nobody else is to read."""

BLOT = b"*"


def headers_for(url: str) -> dict[str, str]:
    """The headers with which a command controls the Triton at `url` (host:port), if it can know the key."""
    key = key_for(url)
    return headers(key, grpc=False) if key else {}


class Access:
    """One server's key.

    Raises:
        BadKeyFile: The given file holds none.
    """

    def __init__(self, key_file: Path | None) -> None:
        self._key = read_key(key_file) if key_file else secrets.token_urlsafe(32)
        self._is_ours = key_file is None
        self._kept: Path | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What opens the control plane over HTTP."""
        return headers(self._key, grpc=False)

    def environment(self) -> dict[str, str]:
        """The options for tritonserver, for the guard."""
        setting = f"{','.join(CLOSED)}:{HEADER}={self._key}"
        names = ("http-restricted-api", "grpc-restricted-protocol")
        return {ARGUMENTS: json.dumps([f"--{name}={setting}" for name in names])}

    def keep(self, port: int) -> None:
        """Leave a key that was made up where the commands of this user look for it; a given one they are given, too."""
        if not self._is_ours:
            return
        folder, path = local_folder(), local_file(port)
        # Where the folder is not ours alone, or cannot be made, there is no such file, and commands are told a key or refused.
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            state = folder.lstat()
            if state.st_uid == os.getuid() and stat.S_IMODE(state.st_mode) & 0o077 == 0:
                path.unlink(missing_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(f"{self._key}\n")
                self._kept = path

    def forget(self) -> None:
        """Remove what `keep` left, unless another server has put its own there since."""
        if self._kept:
            with suppress(OSError):
                if self._kept.read_text(encoding="ascii").strip() == self._key:
                    self._kept.unlink()
                    self._kept.parent.rmdir()  # unless it keeps the keys of other servers

    def blot_out(self, pid: int) -> bool:
        """Whether the key does not stand in the command line of a process (any more)."""
        try:
            return _blotted(pid, self._key.encode())
        except (OSError, ValueError, IndexError):
            return not Path(f"/proc/{pid}").exists()


def _blotted(pid: int, key: bytes) -> bool:
    line = Path(f"/proc/{pid}/cmdline")
    places = _places(line.read_bytes(), key)
    if places:
        start = _start_of_arguments(pid)
        with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
            for place in places:
                memory.seek(start + place)
                memory.write(BLOT * len(key))
    return key not in line.read_bytes()


def _places(line: bytes, key: bytes) -> Sequence[int]:
    found, at = [], line.find(key)
    while at >= 0:
        found.append(at)
        at = line.find(key, at + len(key))
    return found


def _start_of_arguments(pid: int) -> int:
    """Field 48 of /proc/PID/stat, see proc_pid_stat(5); the second field, in brackets, may hold anything."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    )
    return int(fields[48 - 3])
