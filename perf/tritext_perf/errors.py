"""What can go wrong while measuring, one sentence each."""

from collections.abc import Sequence
from pathlib import Path

from tritext.errors import TritextError


class PerfError(TritextError):
    """Base of all errors of this part."""


class BadLoad(PerfError):
    """A list of user counts or rates that is none."""

    def __init__(self, *, option: str, got: str, expected: str) -> None:
        super().__init__(f"{option} expects {expected}, separated by commas, got {got!r}.")


class NothingToMeasure(PerfError):
    """No load was asked for."""

    def __init__(self) -> None:
        super().__init__("There is nothing to measure: give --users 1,8,64 or --rate 50,100 or both.")


class BadSetting(PerfError):
    """A number outside of its range."""

    def __init__(self, *, option: str, got: float | str, expected: str) -> None:
        super().__init__(f"{option} expects {expected}, got {got}.")


class ServerUnreachable(PerfError):
    """Nothing that speaks the protocol answers at the address."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(
            f"No Triton answers at {url} ({reason}): start one with `tritext serve`, or say where it is with --url, "
            "as grpc://host:port or http://host:port."
        )


class Encrypted(PerfError):
    """TLS is asked for."""

    def __init__(self, *, url: str) -> None:
        super().__init__(
            f"Cannot measure through TLS at {url}: expected grpc://host:port or http://host:port, the server itself "
            "instead of the proxy before it."
        )


class Refused(PerfError):
    """The server answered with an error."""

    def __init__(self, *, message: str) -> None:
        super().__init__(f"The server refused: {message.rstrip('.')}.")


class UnknownModel(PerfError):
    """The server has no ready model of this name and version."""

    def __init__(self, *, name: str, version: int | None, ready: Sequence[str]) -> None:
        which = f"{name!r}" + (f" version {version}" if version is not None else "")
        there = f"ready are {', '.join(ready)}" if ready else "no model is ready"
        super().__init__(f"The server has no ready model {which}; {there}.")


class NotATextModel(PerfError):
    """The model takes something else than one text per request."""

    def __init__(self, *, name: str, inputs: Sequence[str]) -> None:
        super().__init__(
            f"Model {name!r} does not take one raw text: expected a single input of type BYTES and one string, got "
            f"{', '.join(inputs) or 'no input'}. Name the ensemble, not one of its steps."
        )


class EveryTextRefused(PerfError):
    """The server takes none of the texts."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The server refuses every text of the data file. The first: {reason}")


class NoPerfAnalyzer(PerfError):
    """perf_analyzer is neither here nor to be had."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"perf_analyzer is not on PATH and cannot be installed: {reason}. Say where it is with --perf-analyzer; "
            "NVIDIA's image nvcr.io/nvidia/tritonserver:<release>-py3-sdk has it."
        )


class BrokenPerfAnalyzer(PerfError):
    """The program is there but does not run."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path} does not run as perf_analyzer: {reason.rstrip('.')}.")


class PerfAnalyzerFailed(PerfError):
    """A run of perf_analyzer gave no figures."""

    def __init__(self, *, reason: str, log: Path) -> None:
        super().__init__(f"perf_analyzer gave no figures: {reason.rstrip('.')} (its whole output: {log}).")


class OutputInUse(PerfError):
    """The output folder holds other files, which are never overwritten."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write to {path}: {reason}; choose a new folder with --output.")


class BadTime(PerfError):
    """A time limit that is none."""

    def __init__(self, *, option: str, got: str) -> None:
        super().__init__(f"{option} expects a time with its unit, such as 50ms or 0.2s, got {got!r}.")


class OneLoad(PerfError):
    """Settings are tuned for one load at a time."""

    def __init__(self) -> None:
        super().__init__(
            "Settings are tuned for one load: expected --users or --rate, got both; tune for the one that is yours."
        )


class BudgetTooShort(PerfError):
    """Not even one other setting can be compared with the default."""

    def __init__(self, *, minutes: float, needed: float) -> None:
        super().__init__(
            f"--budget {minutes:g} is too short: to compare a single setting with the default takes "
            f"about {needed:.1f} minutes on this machine; give at least that, and about four times as much to try many."
        )


class DefaultFailed(PerfError):
    """The model does not work as it is served now, so that there is nothing to compare with."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The model cannot be measured as it is served now: {reason}")
