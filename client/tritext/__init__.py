"""Tritext: raw text in, answers out, from BERT-family models on NVIDIA Triton."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritext.aio import AsyncClient
    from tritext.client import Client
    from tritext.errors import TritextError
    from tritext.explaining import Attribution, Explanation, NotExplained
    from tritext.failures import (
        ClientClosed,
        ClientError,
        DeadlineExceeded,
        IncompatibleModel,
        InvalidRequest,
        InvalidText,
        ModelNotFound,
        Overloaded,
        ServerFailed,
        ServerUnavailable,
    )
    from tritext.results import Answer, Entity, Filled, Label, Ranked, ServedModel, ZeroShot
    from tritext.retry import RetryPolicy

__all__ = [
    "Answer",
    "AsyncClient",
    "Attribution",
    "Client",
    "ClientClosed",
    "ClientError",
    "DeadlineExceeded",
    "Entity",
    "Explanation",
    "Filled",
    "IncompatibleModel",
    "InvalidRequest",
    "InvalidText",
    "Label",
    "ModelNotFound",
    "NotAllowed",
    "NotExplained",
    "Overloaded",
    "Ranked",
    "RetryPolicy",
    "ServedModel",
    "ServerFailed",
    "ServerUnavailable",
    "Tls",
    "TritextError",
    "ZeroShot",
]

_HOMES = {
    "AsyncClient": "aio",
    "Client": "client",
    "RetryPolicy": "retry",
    "Tls": "tls",
    "TritextError": "errors",
    **dict.fromkeys(("Attribution", "Explanation", "NotExplained"), "explaining"),
    **dict.fromkeys(("Answer", "Entity", "Filled", "Label", "Ranked", "ServedModel", "ZeroShot"), "results"),
}
"""The module of each public name; all others are failures."""


def __getattr__(name: str) -> Any:
    # Lazy, so that other parts may import `tritext.errors` without paying for the client's libraries.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'failures')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
