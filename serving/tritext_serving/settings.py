"""How a server is to be run: every option of `tritext serve` as one record, with its defaults."""

from dataclasses import dataclass
from pathlib import Path

LOG_LEVELS = ("error", "warning", "info", "verbose")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Options of a server; times in seconds, port 0 means any free one."""

    repository: Path = Path("model_repository")
    tritonserver: Path | None = None
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    instances: int | None = None
    threads: int | None = None
    log_level: str = "warning"
    timeout: float = 300.0
    exit_timeout: float = 30.0
