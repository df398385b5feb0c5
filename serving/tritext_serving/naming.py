"""How Triton's models are called in a server that Tritext runs: the live version plainly, every other one with its number.

`tickets` is what clients ask and `tickets_model` a step of it. `tickets@3` and `tickets_model@3` are those of version 3,
which stands beside the live one. No model of a user's can be called so: names have no '@'.
"""

from collections.abc import Iterable

STEPS = ("tokenizer", "model", "postprocess")
EXPLAIN = "explain"

SEPARATOR = "@"
LIVE = "live-"


def at(model: str, version: int) -> str:
    """The model as it is called while another version of it is live."""
    return f"{model}{SEPARATOR}{version}"


def live_marker(model: str, version: int) -> str:
    """The folder of the view whose presence in Triton's index says that a restart comes back with this version."""
    return f"{model}{SEPARATOR}{LIVE}{version}"


def split(name: str) -> tuple[str, int | None]:
    """The plain name, and the version where the name has one."""
    plain, _, version = name.partition(SEPARATOR)
    return plain, int(version) if version.isascii() and version.isdecimal() else None


def is_plain(name: str) -> bool:
    """Whether clients may know the model by this name."""
    return SEPARATOR not in name


def versions_of(model: str, names: Iterable[str]) -> tuple[int, ...]:
    """The versions of a model among the names, ascending."""
    found = (split(name) for name in names)
    return tuple(sorted(version for plain, version in found if plain == model and version))


def remembered(model: str, names: Iterable[str]) -> int | None:
    """The version that a restart comes back with, if the server says so."""
    prefix = f"{model}{SEPARATOR}{LIVE}"
    versions = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return next((int(version) for version in versions if version.isdecimal()), None)


def parts(model: str) -> tuple[str, ...]:
    """The models that may belong to an ensemble, besides itself."""
    return tuple(f"{model}_{part}" for part in (*STEPS, EXPLAIN))
