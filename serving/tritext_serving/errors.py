"""What can go wrong between a repository and a running Triton, as one sentence each."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from tritext.errors import TritextError


class ServingError(TritextError):
    """Base of this part's errors."""


class TritonNotFound(ServingError):
    """There is no tritonserver to start."""

    def __init__(self) -> None:
        super().__init__(
            "No tritonserver was found: give its path with --tritonserver, or install NVIDIA's wheel with "
            "`pip install 'tritext[serve]'`."
        )


class WrongArchitecture(ServingError):
    """NVIDIA's wheel exists for another machine."""

    def __init__(self) -> None:
        super().__init__(
            f"NVIDIA's wheel of Triton exists for Linux on x86_64 only, and this is {platform.system()} on "
            f"{platform.machine()}: run `tritext serve` inside NVIDIA's container, or give --tritonserver."
        )


class NotExecutable(ServingError):
    """The path given for tritonserver is not a program."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not an executable file: --tritonserver wants the path of the program itself."
        )


class NotTriton(ServingError):
    """The program given for tritonserver has none of Triton's folders beside it."""

    def __init__(self, *, path: Path, expected: Path) -> None:
        super().__init__(f"{path} is not an installed tritonserver: its backends should be in {expected}.")


class NoPythonStub(ServingError):
    """The wheel has no Python stub for the running interpreter."""

    def __init__(self, *, version: str, available: Sequence[str]) -> None:
        super().__init__(
            f"NVIDIA's wheel has no Python stub for Python {version}, only for {', '.join(available)}: "
            "make the environment with one of these."
        )


class NoSharedPython(ServingError):
    """The interpreter was built without the library that Triton's stub is linked to."""

    def __init__(self, *, library: str) -> None:
        super().__init__(
            f"Triton's Python stub needs {library}, and this Python was built without it: use a Python with a shared "
            f"library (Debian: `apt install {library.split('.so', maxsplit=1)[0]}`; pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared)."
        )


class MissingBackend(ServingError):
    """Triton lacks a backend that a model needs, and we have no stand-in for it."""

    def __init__(self, *, model: str, backend: str, available: Sequence[str]) -> None:
        super().__init__(
            f"Model {model!r} wants the backend {backend!r}, which this Triton does not have; "
            f"it has {', '.join(available)}."
        )


class RepositoryNotFound(ServingError):
    """The repository's folder does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no model repository at {path}: give its folder with --repository.")


class NothingToServe(ServingError):
    """The repository holds no model that is complete."""

    def __init__(self, path: Path, skipped: Mapping[str, str]) -> None:
        reasons = "".join(f" {name}: {reason}." for name, reason in skipped.items())
        super().__init__(
            f"The repository {path} holds no complete model.{reasons} Publish one with `tritext build CHECKPOINT "
            f"--name NAME --repository {path}`."
        )


class BadConfig(ServingError):
    """A config.pbtxt does not parse."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a Triton model configuration: {reason.rstrip('.')}.")


class PortTaken(ServingError):
    """Another program listens where Triton should."""

    def __init__(self, *, use: str, host: str, port: int, option: str) -> None:
        super().__init__(
            f"Port {port} on {host}, wanted for {use}, is taken: choose another with {option} (0 takes a free one)."
        )


class BadHost(ServingError):
    """The address to listen on is not one of this machine's."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(f"Cannot listen on {host!r} ({reason}): --host wants an address of this machine.")


class ServerDied(ServingError):
    """Tritonserver ended on its own while it should have served."""

    def __init__(self, *, status: int, log: Sequence[str]) -> None:
        last = f" Its last words: {log[-1].strip()}" if log else ""
        super().__init__(f"tritonserver ended with status {status}.{last}")


class GaveUp(ServingError):
    """Tritonserver keeps dying."""

    def __init__(self, *, times: int, reason: str) -> None:
        super().__init__(
            f"tritonserver failed {times} times in a row, so it is not started again. The last time: {reason}"
        )


class Interrupted(ServingError):
    """The server was stopped while it started."""

    def __init__(self) -> None:
        super().__init__("The server was stopped before it was ready.")


class NotReady(ServingError):
    """Models did not become ready."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        listed = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in reasons.items())
        super().__init__(f"Not ready: {listed}. (Triton's log says more with --log-level info.)")


class StartTimeout(ServingError):
    """Triton did not become ready in time."""

    def __init__(self, *, seconds: float, waiting_for: Sequence[str]) -> None:
        super().__init__(
            f"After {seconds:g} s these are not ready: {', '.join(waiting_for)}. Give them longer with --timeout."
        )


class Unreachable(ServingError):
    """Nobody answers at the URL."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(
            f"No Triton answers at {url} ({reason}): start one with `tritext serve`, or give --url."
        )


class Refused(ServingError):
    """Triton answered a control request with an error."""

    def __init__(self, *, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(f"Triton answered {status}: {message}")


class BadLiveFile(ServingError):
    """The file that remembers live versions is not what it should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} does not say which versions are live: expected JSON such as "
            '{"tickets": {"version": 2, "rollback_to": [1]}}; correct it, or remove it to serve the newest versions.'
        )


class KeyWanted(Refused):
    """The server keeps its control plane for those who have its key."""

    def __init__(self, *, url: str) -> None:
        super().__init__(status=403, message="")
        self.args = (
            f"The Triton at {url} wants its API key for this: name a file with it in TRITEXT_API_KEY_FILE.",
        )


class BadPidFile(ServingError):
    """The pid file cannot be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} cannot be written: --pid-file wants a file in a folder that exists and is yours."
        )


class AlreadyRunning(ServingError):
    """The pid file names a process that lives."""

    def __init__(self, *, pid: int, pid_file: Path) -> None:
        super().__init__(
            f"{pid_file} says that a server runs already, as process {pid}: stop it with `kill {pid}`, or give "
            "another --pid-file."
        )


class DetachedFailed(ServingError):
    """A server in the background ended before it was ready."""

    def __init__(self, *, reason: str, log: Path) -> None:
        super().__init__(f"The server did not start: {reason} Its log is {log}.")


class NotInRepository(ServingError):
    """The repository has no such model, or it cannot be served."""

    def __init__(self, *, name: str, repository: Path, ensembles: Sequence[str], skipped: str) -> None:
        there = f"it has {', '.join(ensembles)}" if ensembles else "it has no ensemble"
        reason = f" ({skipped})" if skipped else ""
        super().__init__(f"The repository {repository} holds no complete model {name!r}{reason}; {there}.")


class NothingToTune(ServingError):
    """The model has no step that runs a network."""

    def __init__(self, *, name: str, steps: Sequence[str], ensembles: Sequence[str]) -> None:
        if steps:
            has = f"its steps are {', '.join(steps)}"
        else:
            has = f"it is no ensemble; the repository's are {', '.join(ensembles) or 'none'}"
        super().__init__(
            f"Model {name!r} cannot be tuned: expected an ensemble with one step of the backend onnxruntime or "
            f"pytorch whose name ends in '_model', but {has}."
        )


class CannotWriteConfig(ServingError):
    """The tuned config.pbtxt cannot be put into the repository."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write {path}: {reason.rstrip('.')}; nothing was changed.")


class ConfigChanged(ServingError):
    """Somebody else wrote the config meanwhile."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(
            f"{path} was changed by somebody else while settings were measured, so it was left as it is: tune again."
        )
