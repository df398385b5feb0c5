"""What can go wrong with the registry, as one sentence each; MLflow's own exceptions become ours here."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tritext.errors import TritextError


class RegistryError(TritextError):
    """Base of what the registry has to say."""


class RegistryUnreachable(RegistryError):
    """Nobody answers where runs and versions should be kept."""

    def __init__(self, *, uri: str, reason: str) -> None:
        super().__init__(
            f"Cannot reach the MLflow store at {without_password(uri)} ({reason}): start it, or set "
            "MLFLOW_TRACKING_URI; without that variable runs are kept in ./mlruns."
        )


class NotASource(RegistryError):
    """It begins like a registered version, and is none."""

    def __init__(self, *, source: str) -> None:
        super().__init__(
            f"{source!r} names no registered version: expected models:/NAME/7, models:/NAME@alias, or models:/NAME "
            "for the newest."
        )


class NotRegistered(RegistryError):
    """No such model, version or alias."""

    def __init__(self, *, source: str, known: str) -> None:
        super().__init__(f"The registry has no {source}: {known}.")


class WithoutRun(RegistryError):
    """Another tool registered it, from no run."""

    def __init__(self, *, source: str) -> None:
        super().__init__(
            f"{source} was registered without a run, so there is no place for what is measured of it: register it with "
            "`tritext train --register`."
        )


class BadName(RegistryError):
    """A name that cannot become a registered model, a folder and a Triton model alike."""

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"{name!r} cannot name a registered model: expected letters, digits, '_', '-' and '.', beginning with a "
            "letter or digit, since the served model gets the same name."
        )


class NoSuchRun(RegistryError):
    """No such run, or several."""

    def __init__(self, *, run: str, reason: str) -> None:
        super().__init__(f"{reason} {run!r}: `tritext experiments NAME` lists the runs of an experiment.")


class NoSuchExperiment(RegistryError):
    """No such experiment."""

    def __init__(self, *, name: str, known: list[str]) -> None:
        there = ", ".join(known) or "none yet"
        super().__init__(f"There is no experiment {name!r}: the store has {there}.")


class RegistryFailed(RegistryError):
    """MLflow refused, for a reason of its own."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"MLflow refused: {reason}")


def without_password(uri: str) -> str:
    """The address, fit to be shown."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:…@", uri)


@contextmanager
def mlflow_errors(uri: str) -> Iterator[None]:
    """The one boundary to MLflow: what it raises becomes a sentence."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        yield
    except MlflowException as error:
        reason = without_password(str(error).strip().splitlines()[0])
        if "Max retries exceeded" in reason or "Connection" in reason:
            raise RegistryUnreachable(uri=uri, reason="it stopped answering") from error
        raise RegistryFailed(reason=reason) from error
    except OSError as error:
        raise RegistryFailed(reason=error.strerror or str(error)) from error
