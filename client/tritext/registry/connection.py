"""Where runs and versions are kept, and the way there: MLflow's client, quiet, and never waiting for minutes."""

import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tritext.errors import MissingExtra
from tritext.registry.errors import RegistryFailed, RegistryUnreachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

EMBEDDED_FOLDER = Path("mlruns")
"""Holds `mlflow.db` and `artifacts/` where no server is named; `mlflow ui --backend-store-uri` opens it."""

REACHABLE_S = 5.0
"""How long a server may take to accept a connection; MLflow itself would try for minutes."""

PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""MLflow's own settings, unless the user has set them: nothing is sent to its makers, and a dead server is no long wait."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A store that answered."""

    uri: str
    artifacts: str | None
    """Where a new experiment's artifacts go; None leaves it to the server."""
    client: "MlflowClient"


def connect() -> Connection:
    """Open the store that `MLFLOW_TRACKING_URI` names, else the embedded one, which is made if need be.

    Raises:
        RegistryUnreachable: Nobody answers.
        MissingExtra: MLflow is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    uri, artifacts = _named() or _embedded()
    _require_reachable(uri)
    try:
        from mlflow import MlflowClient  # noqa: PLC0415
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra(extra="tracking", module="mlflow") from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        client = MlflowClient(tracking_uri=uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or uri)
        client.search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        raise RegistryUnreachable(uri=uri, reason=str(error).splitlines()[0]) from error
    return Connection(uri=uri, artifacts=artifacts, client=client)


def _named() -> tuple[str, str | None] | None:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return None
    scheme = uri.partition(":")[0]
    if scheme == "sqlite":
        folder = Path(uri.partition(":///")[2]).absolute().parent
        folder.mkdir(parents=True, exist_ok=True)
        return uri, str(folder / "artifacts")
    if scheme == "postgres":  # as many write it; SQLAlchemy wants the whole word
        uri = "postgresql" + uri.removeprefix("postgres")
    if uri.startswith("postgresql://"):  # the driver that we install
        uri = "postgresql+psycopg" + uri.removeprefix("postgresql")
    return uri, None


def _embedded() -> tuple[str, str | None]:
    folder = EMBEDDED_FOLDER.absolute()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RegistryFailed(reason=f"cannot keep runs in {folder}: {error.strerror}.") from error
    return f"sqlite:///{folder / 'mlflow.db'}", str(folder / "artifacts")


def _require_reachable(uri: str) -> None:
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if not parts.hostname or scheme not in PORTS:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or PORTS[scheme]), REACHABLE_S).close()
    except OSError as error:
        raise RegistryUnreachable(uri=uri, reason=error.strerror or str(error)) from error
