"""The repository as Triton is shown it: complete versions only, configs completed for this machine; all the rest are links.

The repository itself is never written to, and may grow while it is served.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tritext_serving import families, plan
from tritext_serving.beside import Beside
from tritext_serving.drawing import clear, show
from tritext_serving.live import Live
from tritext_serving.repository import Model, Repository


@dataclass(frozen=True, kw_only=True)
class View:
    """The folder to show, the models in it that are to be loaded, and whether Triton may trust the configs as they are.

    That halves the time to start. `beside` draws versions beside the live ones.
    """

    path: Path
    models: tuple[str, ...]
    configs_complete: bool
    beside: Beside


def make(
    repository: Repository,
    parallelism: plan.Parallelism,
    place: Path,
    *,
    live: Mapping[str, Live] | None = None,
) -> View:
    """Make the view anew in `place`; `live` tells what the live ensembles' configs are to say of versions before them."""
    path = clear(place / "view")
    path.mkdir()
    beside = Beside(view=path, parallelism=parallelism, plain=repository.live)
    found = families.of(repository, plain=repository.live)
    related = {model.name for family in found for model in family.models}
    for model in repository.models.values():
        if model.name not in related:
            show(model, plan.completed(model, parallelism), path / model.name)
    for family in found:
        beside.draw_live(family, (live or {}).get(family.name))
    return View(
        path=path,
        models=tuple(repository.models),
        configs_complete=all(map(_is_complete, repository.models.values())),
        beside=beside,
    )


def _is_complete(model: Model) -> bool:
    """Whether nothing is left for Triton to ask the model's own code or file about before it loads it."""
    return bool((model.backend or model.steps) and model.config.input and model.config.output)
