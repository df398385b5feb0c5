"""What can go wrong where a version is reported on or compared, one sentence each."""

from collections.abc import Sequence
from pathlib import Path

from tritext_perf.errors import PerfError

_SHOWN = 8


class NothingToReport(PerfError):
    """The source is neither a checkpoint nor a version."""

    def __init__(self, *, source: str, repository: Path, versions: Sequence[str]) -> None:
        there = ", ".join(versions[:_SHOWN]) + (", …" if len(versions) > _SHOWN else "")
        super().__init__(
            f"There is nothing to report on at {source!r}: expected a checkpoint's folder, a registered version such as "
            f"models:/NAME/7, or a model version in {repository} ({there or 'which holds none'})."
        )


class SeveralVersions(PerfError):
    """A name was given that would have to be guessed."""

    def __init__(self, *, source: str, versions: Sequence[str]) -> None:
        super().__init__(
            f"{source} was built as {', '.join(versions)}: say with --name which of them the report is about, "
            "or report on that version itself."
        )


class StrangeDocument(PerfError):
    """A file is not what a command of Tritext wrote."""

    def __init__(self, *, document: str, expected: str) -> None:
        super().__init__(f"{document} is not what it should be: expected {expected}.")


class OtherModel(PerfError):
    """The figures in a file are those of another model or version."""

    def __init__(self, *, document: str, expected: str, got: str) -> None:
        super().__init__(
            f"{document} is about {got}, and the report about {expected}: a report holds the figures of one version only."
        )


class ReportUnwritable(PerfError):
    """The page cannot be put where it was asked for."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write {path}: {reason.lower()}; choose another file.")


class NotInRegistry(PerfError):
    """A report was to be logged to a registry that does not know the version."""

    def __init__(self, *, source: str) -> None:
        super().__init__(
            f"--log needs a registered version, got {source!r}: report on models:/NAME/VERSION instead."
        )


class NotComparable(PerfError):
    """Two answers of the models are not of the kind that can be compared."""

    def __init__(self, *, model: str, reason: str) -> None:
        super().__init__(
            f"Model {model!r} cannot be compared: {reason}. `tritext compare` is for text-classification with labels; "
            "`tritext evaluate` measures models of every task, one at a time."
        )


class SameVersion(PerfError):
    """A version was to be compared with itself."""

    def __init__(self, *, version: str) -> None:
        super().__init__(
            f"Both sides are {version}: name two versions, such as NAME/1 NAME/2, or two models."
        )
