"""Triton's control interface over HTTP: health, loading, the repository's index, statistics. Knows URLs and JSON, no processes.

Source: https://github.com/triton-inference-server/server/tree/main/docs/protocol
"""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from tritext_serving.errors import Refused, Unreachable


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
    """A Triton at `url` (host:port)."""

    url: str

    def live(self) -> bool:
        """Whether the server answers requests at all."""
        try:
            self._call("GET", "/v2/health/live", timeout=2)
        except (Refused, Unreachable):
            return False
        return True

    def metadata(self) -> dict[str, Any]:
        """The server's name, version and extensions."""
        return dict(self._call("GET", "/v2", timeout=5))

    def load(self, name: str, config: str | None, *, timeout: float) -> None:
        """Load a model, or load it anew; returns when it is ready. Refused carries Triton's reason."""
        body = {"parameters": {"config": config}} if config else {}
        self._call("POST", f"/v2/repository/models/{name}/load", body, timeout=timeout)

    def unload(self, name: str, *, timeout: float = 30) -> None:
        """Stop serving a model; requests that are in it are still answered."""
        self._call("POST", f"/v2/repository/models/{name}/unload", {}, timeout=timeout)

    def index(self) -> list[ModelState]:
        """Every model of the repository with its state."""
        rows = self._call("POST", "/v2/repository/index", {}, timeout=10)
        return [_state(row) for row in rows]

    def config(self, name: str, version: str) -> dict[str, Any]:
        return dict(self._call("GET", f"/v2/models/{name}/versions/{version}/config", timeout=10))

    def statistics(self) -> list[dict[str, Any]]:
        """Counts and nanoseconds of every ready model, as Triton's statistics extension has them."""
        return list(self._call("GET", "/v2/models/stats", timeout=10)["model_stats"])

    def _call(self, method: str, path: str, body: Any = None, *, timeout: float) -> Any:
        connection = http.client.HTTPConnection(self.url, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(url=self.url, reason=str(error) or type(error).__name__) from None
        finally:
            connection.close()
        return _content(answer.status, text)


def _content(status: int, text: str) -> Any:
    try:
        content = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError:
        raise Refused(status=status, message=text.strip()[:200]) from None
    if status != http.client.OK:
        raise Refused(status=status, message=str(content.get("error", "")) if isinstance(content, dict) else text)
    return content


def _state(row: dict[str, str]) -> ModelState:
    return ModelState(
        name=row["name"], version=row.get("version", ""), state=row.get("state", ""), reason=row.get("reason", "")
    )
