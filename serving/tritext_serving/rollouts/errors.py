"""What can stand in the way of a rollout, as one sentence each; every one ends with what is served now, where that is known."""

from collections.abc import Mapping, Sequence
from typing import Any

from tritext_serving.errors import ServingError


class RolloutError(ServingError):
    """Base of this package's errors."""


class BadModelName(RolloutError):
    """No model can be called so."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no model's name: expected letters, digits, '_', '-' and '.', the first a letter or a digit, "
            "as `tritext build --name` takes them."
        )


class UnknownModel(RolloutError):
    """The server has no such ensemble."""

    def __init__(self, *, name: str, url: str, known: Sequence[str]) -> None:
        has = f"its models are {', '.join(known)}" if known else "it has no model that can be rolled out"
        super().__init__(f"The server at {url} knows no model {name!r}; {has}.")


class VersionNotThere(RolloutError):
    """The server's repository has no such version that is complete."""

    def __init__(self, *, name: str, version: int, url: str, versions: Sequence[int]) -> None:
        super().__init__(
            f"The repository of the server at {url} holds no complete version {version} of {name!r}, only "
            f"{', '.join(map(str, versions)) or 'none'}: build it there; it counts, within a second or two, when its "
            "manifest.json is written."
        )


class AlreadyLive(RolloutError):
    """Nothing is to be done."""

    def __init__(self, *, name: str, version: int, url: str) -> None:
        self.version = version
        super().__init__(f"Version {version} of {name!r} is already live at {url}; nothing was changed.")


class CannotControl(RolloutError):
    """The server is none that versions can be changed on."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(
            f"The models of the server at {url} cannot be changed while it runs ({reason.rstrip('.')}): expected one "
            "that `tritext serve` runs, which keeps versions ready beside the live one."
        )


class NothingToRollBackTo(RolloutError):
    """No earlier version is known."""

    def __init__(self, *, name: str, url: str, version: int | None, versions: Sequence[int]) -> None:
        others = [str(other) for other in versions if other != version]
        instead = (
            f"name one with `tritext deploy {name} --version N` (there are {', '.join(others)})"
            if others
            else "there is no other"
        )
        super().__init__(
            f"The server at {url} does not know which version of {name!r} was live before version {version}: {instead}."
        )


class NotLoaded(RolloutError):
    """The new version does not load."""

    def __init__(self, *, name: str, version: int, url: str, reason: str, serves: str) -> None:
        super().__init__(
            f"Version {version} of {name!r} does not load at {url}: {reason.strip().rstrip('.')}. {serves}"
        )


class WrongAnswer(RolloutError):
    """The new version does not answer as it did when it was built."""

    def __init__(self, *, name: str, version: int, url: str, what: str, serves: str) -> None:
        super().__init__(
            f"Version {version} of {name!r} at {url} does not answer as it did when it was built: {what}. {serves}"
        )


class TooManyChanged(RolloutError):
    """The new version answers too many texts differently."""

    def __init__(
        self,
        *,
        name: str,
        version: int,
        url: str,
        changed: str,
        limit: str,
        serves: str,
        comparison: Mapping[str, Any],
    ) -> None:
        self.comparison = comparison
        super().__init__(
            f"Version {version} of {name!r} at {url} answers {changed} texts differently, more than {limit}: look at "
            f"them, and raise --max-changed if they are right. {serves}"
        )


class NothingToCompare(RolloutError):
    """The texts for a comparison are missing or cannot be asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class NotRemembered(RolloutError):
    """The version is live, but a restart may not come back with it."""

    def __init__(self, *, name: str, version: int, url: str, seconds: float) -> None:
        super().__init__(
            f"Version {version} of {name!r} is live at {url}, but within {seconds:g} s the server did not say that it "
            "will be after a restart, too: its log says why."
        )


class Stopped(RolloutError):
    """One of several servers failed, the rest were left alone."""

    def __init__(self, *, reason: str, states: Sequence[str]) -> None:
        super().__init__(f"{reason} Now {'; '.join(states)}.")
