"""What can go wrong in a build, as one sentence each."""

from collections.abc import Iterable
from pathlib import Path

from tritext.errors import TritextError


class BuildError(TritextError):
    """Base of everything that stops a build; the repository is left as it was."""


class BadCheckpoint(BuildError):
    """The checkpoint cannot be read, or holds no model that can be served."""

    def __init__(self, *, source: str, reason: str, remedy: str) -> None:
        super().__init__(f"The checkpoint {source!r} cannot be built: {reason}. {remedy}")


class UnsupportedTask(BuildError):
    def __init__(self, *, source: str, architecture: str, known: Iterable[str]) -> None:
        super().__init__(
            f"The checkpoint {source!r} holds a {architecture}, which no task serves: "
            f"expected one of {', '.join(sorted(known))}."
        )


class UnknownTask(BuildError):
    def __init__(self, *, task: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no task {task!r}: expected one of {', '.join(known)}.")


class WrongTask(BuildError):
    def __init__(self, *, source: str, architecture: str, task: str, known: Iterable[str]) -> None:
        super().__init__(
            f"The checkpoint {source!r} holds a {architecture}, which {task} cannot serve: "
            f"expected a model whose class name ends in {' or '.join(known)}."
        )


class NoEvaluation(BuildError):
    def __init__(self, *, task: str) -> None:
        super().__init__(
            f"A build for {task} takes no evaluation data: leave --eval-data out, and measure the served model "
            f"with `tritext evaluate`."
        )


class CannotExplain(BuildError):
    def __init__(self, *, task: str, explained: str) -> None:
        super().__init__(
            f"Answers of {task} cannot be explained, only those of {explained}: leave --explain out."
        )


class UnsupportedPrecision(BuildError):
    def __init__(self, *, format_name: str, precision: str, known: Iterable[str]) -> None:
        super().__init__(
            f"The format {format_name!r} has no precision {precision!r}: expected one of {', '.join(known)}."
        )


class UnknownFormat(BuildError):
    def __init__(self, *, format_name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no format {format_name!r}: expected one of {', '.join(known)}.")


class MaxLengthOutOfRange(BuildError):
    def __init__(self, *, max_length: int, least: int, limit: int) -> None:
        super().__init__(
            f"max_length {max_length} is out of range: this checkpoint takes {least} to {limit} tokens, "
            f"special tokens included."
        )


class BadName(BuildError):
    def __init__(self, *, name: str, reason: str) -> None:
        super().__init__(f"{name!r} cannot name a model: {reason}.")


class BadVersion(BuildError):
    def __init__(self, *, version: int) -> None:
        super().__init__(f"{version} cannot be a version: Triton's versions are whole numbers from 1 up.")


class VersionExists(BuildError):
    def __init__(self, *, name: str, version: int, repository: Path, free: int) -> None:
        super().__init__(
            f"{name} version {version} exists in {repository} and versions never change: "
            f"leave --version out, or take {free}, the next free one."
        )


class AlreadyBuilt(BuildError):
    """The registry's version is in the repository."""

    def __init__(self, *, source: str, name: str, repository: Path) -> None:
        super().__init__(
            f"{source} is already built, as {name} in {repository}, and versions never change: register a new version, "
            "or give another --name or --repository."
        )


class OtherVersion(BuildError):
    """A registered version keeps its number."""

    def __init__(self, *, source: str, version: int | None) -> None:
        super().__init__(
            f"{source} cannot become version {version}: a registered version and its Triton version have the same "
            "number; leave --version out."
        )


class CannotServe(BuildError):
    """A format's exporter or runtime does not know something that the model does."""

    def __init__(self, *, format_name: str, reason: str) -> None:
        super().__init__(
            f"The model cannot be served as {format_name}: {reason.rstrip('.')}. Another --format may do."
        )


class MissingLibrary(BuildError):
    def __init__(self, *, format_name: str, library: str, extra: str) -> None:
        super().__init__(
            f"The format {format_name!r} needs the Python library {library!r}, which is not installed: "
            f"run `pip install 'tritext[{extra}]'`."
        )


class NoBf16(BuildError):
    def __init__(self) -> None:
        super().__init__(
            "This machine's processor has no bf16 arithmetic, so a version in bf16 cannot be checked here: build it "
            "where there is AVX512-BF16 or AMX, or choose --precision fp32 or int8."
        )


class GateFailed(BuildError):
    """A gate did not hold; nothing was published."""

    exit_code = 3

    def __init__(self, *, name: str, sentences: Iterable[str]) -> None:
        super().__init__(f"{name} was not published: {'; '.join(sentences)}.")


class CannotWrite(BuildError):
    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"Cannot write to {path}: {reason}. Nothing was published; make room or choose another --repository."
        )


class UnknownEvaluationLabels(BuildError):
    def __init__(self, *, path: Path, unknown: Iterable[str], known: Iterable[str]) -> None:
        super().__init__(
            f"{path} has labels that the checkpoint does not know ({_few(unknown)}); it knows {_few(known)}."
        )


def _few(labels: Iterable[str], most: int = 5) -> str:
    names = sorted(labels)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
