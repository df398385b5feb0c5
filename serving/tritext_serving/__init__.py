"""From a model repository on disk to a running, healthy Triton: knows processes, ports and Triton's model control; never imports torch or transformers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritext_serving.server import Server, running_server
    from tritext_serving.settings import ServeSettings

__all__ = ["ServeSettings", "Server", "running_server"]

_HOME = {"Server": "server", "running_server": "server", "ServeSettings": "settings"}


def __getattr__(name: str) -> Any:
    # Lazy, because our backends import `tritext_serving.backends` inside Triton's stub, which must stay light.
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
