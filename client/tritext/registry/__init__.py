"""Runs and registered versions, kept by MLflow: on a tracking server, or in a folder where there is none.

The rest of Tritext sees MLflow only through this package, which imports it when it is first needed.
"""

from tritext.registry.connection import EMBEDDED_FOLDER, connect
from tritext.registry.errors import RegistryError
from tritext.registry.runs import Run
from tritext.registry.sources import RegisteredVersion, is_registered
from tritext.registry.versions import CHECKPOINT, Registry

__all__ = [
    "CHECKPOINT",
    "EMBEDDED_FOLDER",
    "RegisteredVersion",
    "Registry",
    "RegistryError",
    "Run",
    "is_registered",
    "registry",
]


def registry() -> Registry:
    """The registry that `MLFLOW_TRACKING_URI` names, else the one in `./mlruns`.

    Raises:
        RegistryUnreachable: The server or the database does not answer.
        MissingExtra: MLflow is not installed.
    """
    return Registry(connect())
