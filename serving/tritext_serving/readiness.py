"""Why models are not ready, in words for a person: Triton's reasons without its wrappings. Knows texts, no processes."""

import re
from collections.abc import Iterable
from pathlib import Path

from tritext_serving.control import ModelState
from tritext_serving.errors import MissingBackend
from tritext_serving.repository import Repository

WRAPPING = re.compile(r"^(?:(?:Internal|Invalid argument|TritonModelException|ValueError|RuntimeError): )+")
"""What stands before the sentence that a model's code gave as its reason."""


def check_backends(repository: Repository, available: Iterable[str]) -> None:
    """Raise MissingBackend for the first model whose backend this Triton lacks."""
    available = sorted(available)
    for model in repository.models.values():
        brings_its_own = any(model.folder.rglob("libtriton_*.so"))
        if model.backend and not model.steps and model.backend not in available and not brings_its_own:
            raise MissingBackend(model=model.name, backend=model.backend, available=available)


def reasons(states: Iterable[ModelState], *, shown: Path, repository: Repository) -> dict[str, str]:
    """The reason for each model that is not ready; ensembles only where none of their steps is to blame."""
    failed = {
        state.name: _sentence(state.reason, shown, repository.path)
        for state in states
        if state.name in repository.models and not state.ready
    }
    blamed = {name for name in failed if set(repository.models[name].steps) & set(failed)}
    return {name: reason for name, reason in failed.items() if name not in blamed}


def _sentence(reason: str, shown: Path, real: Path) -> str:
    first = reason.strip().partition("\n")[0].replace(str(shown), str(real))
    return WRAPPING.sub("", first) or "Triton gives no reason"
