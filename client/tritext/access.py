"""The key to a server's control plane, as its callers have it: where they find it, and the header it travels in.

Triton asks for a header of a certain name; over gRPC it puts a prefix of its own before the name:
https://github.com/triton-inference-server/server/blob/main/docs/customization_guide/inference_protocols.md
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tritext.errors import TritextError

HEADER = "tritext-key"
GRPC_PREFIX = "triton-grpc-protocol-"

KEY_FILE = "TRITEXT_API_KEY_FILE"
"""The environment variable that names a file with the key."""

SHORTEST = 16
"""Characters of a key that nobody guesses over a network."""

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class BadKeyFile(TritextError):
    """A file does not hold a key."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} holds no API key ({reason}): it wants one line of {SHORTEST} or more letters, digits and signs, "
            "as `openssl rand -hex 32` writes."
        )


def headers(key: str, *, grpc: bool) -> dict[str, str]:
    """What opens the control plane to a request."""
    return {f"{GRPC_PREFIX if grpc else ''}{HEADER}": key}


def read_key(path: Path) -> str:
    """The key in a file.

    Raises:
        BadKeyFile: There is none.
    """
    try:
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BadKeyFile(path, (error.strerror or str(error)).lower()) from None
    except UnicodeDecodeError:
        raise BadKeyFile(path, "not ASCII") from None
    if len(key) < SHORTEST or not key.isprintable() or " " in key:
        raise BadKeyFile(
            path, f"{len(key)} characters" if key.isprintable() and " " not in key else "several words"
        )
    return key


def given_key() -> str | None:
    """The key in the file that the environment names, if it names one.

    Raises:
        BadKeyFile: There is none in it.
    """
    given = os.environ.get(KEY_FILE)
    return read_key(Path(given)) if given else None


def key_for(target: str) -> str | None:
    """The key for the server at `target` (host:port): of the file that the environment names, or of one's own server here.

    Raises:
        BadKeyFile: The environment names a file without one.
    """
    if key := given_key():
        return key
    with suppress(ValueError, OSError, BadKeyFile):
        at = urlsplit(f"//{target}")
        if at.hostname in LOOPBACK and at.port and _is_mine(path := local_file(at.port)):
            return read_key(path)
    return None


def local_folder() -> Path:
    """Where the servers of this user leave the keys that they made up, for this user's commands."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_mine(Path(runtime)):
        return Path(runtime, "tritext")
    return Path(tempfile.gettempdir(), f"tritext-{os.getuid()}")


def local_file(port: int) -> Path:
    """The file for the server that listens on a port of this machine."""
    return local_folder() / f"{port}.key"


def _is_mine(path: Path) -> bool:
    with suppress(OSError):
        return path.lstat().st_uid == os.getuid()
    return False
