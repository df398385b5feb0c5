"""The server and its models, as they say of themselves. Knows no task and sends no text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tritext.failures import (
    ClientError,
    DeadlineExceeded,
    InvalidRequest,
    ModelNotFound,
    ServerUnavailable,
    TransientError,
)
from tritext.persistence import Persistence
from tritext.results import ServedModel, is_step, model_of
from tritext.retry import Deadline
from tritext.transport import Transport

POLL_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What a server holds; each of its questions may take `timeout` seconds."""

    transport: Transport
    persistence: Persistence
    timeout: float
    _known: dict[tuple[str, str], ServedModel] = field(default_factory=dict)

    async def wait_until_ready(self, name: str | None, seconds: float) -> None:
        deadline = Deadline.after(seconds)
        trouble: ClientError | None = None
        while (remaining := deadline.remaining()) > 0:
            try:
                if await self.transport.is_ready(remaining, name=name):
                    return
            except (TransientError, DeadlineExceeded) as error:
                trouble = error
            await self.persistence.world.pause(min(POLL_SECONDS, max(0.0, deadline.remaining())))
        what = f"model {name!r}" if name else str(self.transport.address)
        raise ServerUnavailable(f"{what} was not ready within {seconds:g} s") from trouble

    async def models(self, *, everything: bool) -> list[ServedModel]:
        entries = await self.persistence.insist(self.transport.index, self.timeout)
        # Names with an '@' are a server's own: versions beside the live one, between two rollouts not even loaded.
        names = list(dict.fromkeys(entry["name"] for entry in entries if "@" not in entry["name"]))
        found = [
            await self._listed(name, [entry for entry in entries if entry["name"] == name])
            for name in names
            if everything or not is_step(name, names)
        ]
        return [model for model in found if everything or model.task or not model.ready]

    async def _listed(self, name: str, entries: Sequence[Mapping[str, str]]) -> ServedModel:
        versions = sorted(int(entry["version"]) for entry in entries if entry.get("state") == "READY")
        reason = "; ".join(entry["reason"] for entry in entries if entry.get("reason")) or "not loaded"
        if versions:
            try:
                return model_of(await self._config(name, ""), versions)
            except (ModelNotFound, ServerUnavailable) as error:
                reason = str(error)
        return ServedModel(name=name, ready=False, reason=reason)

    async def model(self, name: str, version: str | int) -> ServedModel:
        config = await self._described(name, version)
        entries = await self.persistence.insist(self.transport.index, self.timeout)
        ready = (e["version"] for e in entries if e["name"] == name and e.get("state") == "READY")
        return model_of(config, sorted(map(int, ready)))

    async def _described(self, name: str, version: str | int) -> Mapping[str, Any]:
        """The model's config; if there is no such model, the error says which there are."""
        version = _checked(name, version)
        try:
            return await self._config(name, version)
        except ModelNotFound as error:
            raise ModelNotFound(name=name, version=version, served=await self._ready_names()) from error

    async def _ready_names(self) -> list[str]:
        try:
            return [model.name for model in await self.models(everything=False) if model.ready]
        except InvalidRequest:  # the index may be closed to this client
            return []

    async def _config(self, name: str, version: str) -> Mapping[str, Any]:
        return await self.persistence.insist(
            partial(self.transport.config, name=name, version=version), self.timeout
        )

    async def known(self, name: str, version: str | int) -> ServedModel:
        """What the model says of itself; asked for once."""
        key = (name, str(version))
        if key not in self._known:
            self._known[key] = model_of(await self._described(name, version), ())
        return self._known[key]


def _checked(name: Any, version: str | int) -> str:
    """The version as Triton takes it; names and versions that could not be a folder are refused here.

    HTTP would put them into a path.
    """
    if not isinstance(name, str) or not name.isprintable() or "/" in name or name in {"", ".", ".."}:
        raise ModelNotFound(name=name)
    text = str(version)
    if text and not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise InvalidRequest(f"a version is a whole number from 1 up, or '' for the newest, not {version!r}")
    return text
