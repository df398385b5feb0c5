"""Versions in the view: the live one under plain names, every other one complete beside it, so that Triton can load both.

A version's steps may differ from the live one's in everything that a config says (widths, labels, backend), and Triton
knows one config for all versions of a model; so each version's steps are models of their own. What clients ask is the
ensemble `NAME`, of which Triton changes versions in one go. Draws folders; loads nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tritext_serving import naming, plan
from tritext_serving.drawing import clear, link, show, write_config
from tritext_serving.families import LABELS, ROLLBACK_TO, Family, of
from tritext_serving.live import Live
from tritext_serving.repository import EXPLAIN, Model, Repository

SETTINGS = "settings.json"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Draws into `view`; `plain` says which version of each family has plain names."""

    view: Path
    parallelism: plan.Parallelism
    plain: Mapping[str, int]

    def draw_live(self, family: Family, live: Live | None) -> None:
        """The family with its live version to be loaded, and the others to be had."""
        for model in family.steps_at(family.plain):
            self._show(model, model.name)
        self._draw_public(family, family.plain, live)
        for version in family.versions:
            self.draw(family, version)
        self.mark(family.name, family.plain)

    def refresh(self, repository: Repository) -> None:
        """Draw the versions that have come into the repository since."""
        for family in of(repository, plain=self.plain):
            if not (self.view / family.name).exists():
                self._draw_public(family, family.versions[-1], None)
            for version in family.versions:
                if not (self.view / naming.at(family.name, version)).exists():
                    self.draw(family, version)

    def draw(self, family: Family, version: int) -> None:
        """One version with all its models; what is looked for first, the ensemble, comes last."""
        if version != family.plain:
            for model in family.steps_at(version):
                self._show(model, family.step_name(model.name, version))
        if explanation := family.explanation_at(version):
            self._draw_explanation(family, explanation, version)
        _link_ensemble(family, version, self.view / family.name)
        shown = clear(self.view / naming.at(family.name, version))
        aside = clear(shown.with_name(f".{shown.name}"))
        _link_ensemble(family, version, aside)
        config = family.ensemble_at(version, probes=True)
        config.name = shown.name
        write_config(config, aside)
        aside.rename(shown)

    def mark(self, name: str, version: int) -> None:
        """Show in Triton's index which version a restart comes back with."""
        for marker in self.view.glob(f"{naming.live_marker(name, 0)[:-1]}*"):
            marker.rmdir()
        (self.view / naming.live_marker(name, version)).mkdir()

    def _draw_public(self, family: Family, version: int, live: Live | None) -> None:
        """What clients ask: the ensemble and its explanations, with configs for one version and, later, folders of all."""
        shown = self.view / family.name
        link(shown, (entry for entry in family.ensemble.folder.iterdir() if not entry.name.isdecimal()))
        config = family.ensemble_at(version, probes=False)
        if live and live.rollback_to:
            config.parameters[ROLLBACK_TO].string_value = ",".join(map(str, live.rollback_to))
        write_config(config, shown)
        explained = [v for v in family.versions if family.explanation_at(v)]
        if explained:
            best = family.explanation_at(version if version in explained else explained[-1])
            folder = self.view / f"{family.name}{EXPLAIN}"
            folder.mkdir()
            write_config(best.config if best else config, folder)

    def _draw_explanation(self, family: Family, model: Model, version: int) -> None:
        """Both under its plain name and beside it; it asks the network by name, which is its version's."""
        for name in (model.name, naming.at(model.name, version)):
            folder = clear(self.view / name / str(version))
            link(folder, (model.folder / str(version)).iterdir())
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            network = settings["network"]
            network["model"] = family.step_name(network["model"], version)
            (folder / SETTINGS).unlink()
            (folder / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
        config = model.config
        config.name = naming.at(model.name, version)
        write_config(config, self.view / config.name)

    def _show(self, model: Model, name: str) -> None:
        config = plan.completed(model, self.parallelism)
        if name != model.name:
            own = type(config)()
            own.CopyFrom(config)
            own.name = name
            config = own
        show(model, config, clear(self.view / name))


def _link_ensemble(family: Family, version: int, shown: Path) -> None:
    """An ensemble's version is a folder without models, and its labels."""
    own = family.ensemble.folder / str(version)
    folder = clear(shown / str(version))
    link(folder, own.iterdir())
    common = family.ensemble.folder / LABELS
    if not (folder / LABELS).exists() and common.is_file():
        (folder / LABELS).symlink_to(common.absolute())
