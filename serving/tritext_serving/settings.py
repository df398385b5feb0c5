"""How a server is to be run: every option of `tritext serve` as one record, with its defaults."""

from dataclasses import dataclass
from pathlib import Path

LOG_LEVELS = ("error", "warning", "info", "verbose")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Options of a server; times in seconds, port 0 means any free one.

    `live_file` is where live versions are remembered; if None, in the repository. `queue_limit` is how many seconds of work
    may wait before a step (0: what the configs say), `max_request_mb` how large a request over HTTP may be, `cache_mb` how
    much memory the answers to texts seen before may take (0: none).
    """

    repository: Path = Path("model_repository")
    tritonserver: Path | None = None
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    instances: int | None = None
    threads: int | None = None
    log_level: str = "warning"
    live_file: Path | None = None
    queue_limit: float = 2.0
    max_request_mb: int = 64
    cache_mb: int = 0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    api_key_file: Path | None = None
    trace_otlp: str | None = None
    trace_rate: int = 100
    timeout: float = 300.0
    exit_timeout: float = 30.0
