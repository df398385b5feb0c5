"""Triton's control interface over HTTP: health, loading, the repository's index, statistics. Knows URLs and JSON, no processes.

Source: https://github.com/triton-inference-server/server/tree/main/docs/protocol
"""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tritext_serving.access import headers_for
from tritext_serving.errors import KeyWanted, Refused, Unreachable


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """One version of a model as Triton's repository index has it; `version` is empty before it was ever loaded."""

    name: str
    version: str
    state: str
    reason: str

    @property
    def ready(self) -> bool:
        return self.state == "READY"


@dataclass(frozen=True, kw_only=True)
class Control:
    """A Triton at `url` (host:port); each call has a connection of its own, unless one is kept open.

    `headers` open its control plane; if not given, those that this user's commands can find.
    """

    url: str
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    @contextmanager
    def kept_open(self) -> Iterator["Control"]:
        """The same over one connection, which Triton still serves when it takes no new ones."""
        connection = http.client.HTTPConnection(self.url, timeout=30)
        try:
            kept = replace(self, connection=connection)
            # Triton knows a connection only when the first request has come through it.
            kept.metadata()
            yield kept
        finally:
            connection.close()

    def live(self) -> bool:
        """Whether the server answers requests at all."""
        try:
            self._call("GET", "/v2/health/live", timeout=2)
        except (Refused, Unreachable):
            return False
        return True

    def metadata(self) -> dict[str, Any]:
        """The server's name, version and extensions."""
        return dict(self._call("GET", "/v2"))

    def load(self, name: str, config: dict[str, Any] | None = None) -> None:
        """Load a model, or load anew what has changed of it; returns when it is ready. Refused carries the reason.

        A `config` is taken in the place of the one in the model's folder.
        """
        body = {"parameters": {"config": json.dumps(config)}} if config else {}
        self._call("POST", f"/v2/repository/models/{name}/load", body, timeout=600)

    def unload(self, name: str) -> None:
        """Stop serving a model; returns at once, while requests that are in it are still answered."""
        self._call("POST", f"/v2/repository/models/{name}/unload", {})

    def index(self) -> list[ModelState]:
        """Every model of the repository with its state."""
        return [_state(row) for row in self._call("POST", "/v2/repository/index", {})]

    def config(self, name: str) -> dict[str, Any]:
        """A ready model's config, as Triton completed it."""
        return dict(self._call("GET", f"/v2/models/{name}/config"))

    def infer(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """The answer of a model to a request in Triton's JSON."""
        return dict(self._call("POST", f"/v2/models/{name}/infer", request, timeout=60))

    def statistics(self) -> list[dict[str, Any]]:
        """Counts and nanoseconds of every ready model, as Triton's statistics extension has them."""
        return list(self._call("GET", "/v2/models/stats")["model_stats"])

    def _call(self, method: str, path: str, body: Any = None, *, timeout: float = 10) -> Any:
        connection = self.connection or http.client.HTTPConnection(self.url, timeout=timeout)
        try:
            headers = headers_for(self.url) if self.headers is None else self.headers
            with _translated(self.url):
                connection.request(method, path, None if body is None else json.dumps(body), dict(headers))
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace")
        finally:
            if connection is not self.connection:
                connection.close()
        try:
            content = json.loads(text) if text.strip() else {}
        except json.JSONDecodeError:
            raise Unreachable(url=self.url, reason="what answers there is no Triton") from None
        if answer.status == http.client.FORBIDDEN:
            raise KeyWanted(url=self.url)
        if answer.status != http.client.OK:
            raise Refused(status=answer.status, message=str(dict(content).get("error", "")))
        return content


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(url=url, reason=str(error) or type(error).__name__) from None


def _state(row: dict[str, str]) -> ModelState:
    return ModelState(
        name=row["name"],
        version=row.get("version", ""),
        state=row.get("state", ""),
        reason=row.get("reason", ""),
    )
