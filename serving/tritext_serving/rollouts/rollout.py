"""One version to one server: beside the live one, checked, swapped in, the old one drained and dropped.

What clients ask is the ensemble NAME. It changes from one version to the other in a single load, which Triton does in one
go; before and after that moment everything else here may be cut off, and every answer is still one version's. What is
left behind then is dropped by the next rollout.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from tritext_serving import naming
from tritext_serving.control import Control
from tritext_serving.errors import Refused, ServingError
from tritext_serving.families import ROLLBACK_TO
from tritext_serving.rollouts import errors, probes
from tritext_serving.rollouts.served import Served, look

KEPT = 10
"""How many versions a server knows its way back to."""

REMEMBERED_WITHIN = 10.0
"""Seconds until the server has written down which version is live."""

PAUSE = 0.05

Check = Callable[[Control, str, str], None]
"""Called with the live ensemble's name and the new one's, before the swap; raises what speaks against it."""


class Rollout:
    """A rollout of version `version` of `name`; `tell` hears what is being done."""

    def __init__(
        self, control: Control, name: str, version: int, *, drain_timeout: float, tell: Callable[[str], None]
    ) -> None:
        self._control, self._name, self._version = control, name, version
        self._drain_timeout, self._tell = drain_timeout, tell
        self._beside = naming.at(name, version)

    def run(self, rollback_to: Iterable[int], check: Check | None) -> Served:
        """Do it, and return what is served then.

        Raises:
            RolloutError: It was not done, or not to its end; says what is served.
        """
        self._tell("tidying up")
        self._tidy()
        self._stage()
        try:
            self._tell(f"checking the answers of version {self._version}")
            self._probe()
            if check and self._look().version:
                check(self._control, self._name, self._beside)
        except (ServingError, KeyboardInterrupt):
            with suppress(ServingError):
                self._tidy()
            raise
        self._tell(f"swapping to version {self._version}")
        self._swap(rollback_to)
        return self.finish()

    def finish(self) -> Served:
        """Do what is left to do once the version is live, and return what is served then.

        Raises:
            RolloutError: The server does not take note.
        """
        self._tell("draining what came before")
        self._tidy()
        self._tell("waiting until the server has taken note")
        return self._remembered()

    def _look(self) -> Served:
        return look(self._control, self._name)

    def _stage(self) -> None:
        self._tell(f"loading version {self._version}")
        explain = naming.at(f"{self._name}_{naming.EXPLAIN}", self._version)
        wanted = [self._beside, *([explain] if self._version in self._look().explainable else [])]
        try:
            for model in wanted:
                self._control.load(model)
        except Refused as error:
            reason = self._reason() or error.message
            with suppress(ServingError):
                self._tidy()
            raise errors.NotLoaded(**self._facts(), reason=reason) from None

    def _reason(self) -> str:
        """Why a model of the new version is not ready, as it says itself."""
        states = self._control.index()
        names = {naming.at(part, self._version) for part in naming.parts(self._name)}
        found = (s for s in states if s.name in names and s.reason and s.reason != "unloaded")
        return next((f"{state.name}: {state.reason.strip().splitlines()[0]}" for state in found), "")

    def _facts(self) -> dict[str, Any]:
        served = self._look()
        return {
            "name": self._name,
            "version": self._version,
            "url": self._control.url,
            "serves": f"{served.sentence()[0].upper()}{served.sentence()[1:]}.",
        }

    def _probe(self) -> None:
        if difference := probes.difference(self._control, self._beside):
            raise errors.WrongAnswer(**self._facts(), what=difference)

    def _swap(self, rollback_to: Iterable[int]) -> None:
        config = self._control.config(self._beside)
        config["name"] = self._name
        parameters = config.setdefault("parameters", {})
        parameters.pop(probes.PARAMETER, None)
        if listed := [str(version) for version in rollback_to][-KEPT:]:
            parameters[ROLLBACK_TO] = {"string_value": ",".join(listed)}
        self._control.load(self._name, config)

    def _tidy(self) -> None:
        """Make everything be of the live version, and drop what is not."""
        self._follow_explanations()
        served = self._settled()
        steps = {m for m in served.leftovers if naming.split(m)[0] in naming.parts(self._name)[:-1]}
        self._drop(model for model in served.leftovers if model not in steps)
        # Where requests to the old version take longer than they may, its steps stay for them, until the next rollout.
        if not served.leaving:
            self._drop(steps)

    def _follow_explanations(self) -> None:
        """Explanations of the live version's answers; none, where it was built without."""
        served, plain = self._look(), f"{self._name}_{naming.EXPLAIN}"
        if served.version is None or served.explained == served.version:
            return
        if served.version not in served.explainable:
            if served.explained:
                self._control.unload(plain)
            return
        beside = naming.at(plain, served.version)
        self._control.load(beside)
        self._control.load(plain, {**self._control.config(beside), "name": plain})

    def _settled(self) -> Served:
        """When all that was asked of the old version is answered, and nothing is being loaded for whoever was cut off."""
        deadline = time.monotonic() + self._drain_timeout
        while ((served := self._look()).leaving or served.loading) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        return served

    def _drop(self, models: Iterable[str]) -> None:
        models = set(models)
        for model in models:
            self._control.unload(model)
        deadline = time.monotonic() + self._drain_timeout
        ensembles = {m for m in models if naming.split(m)[0] == self._name}
        while any(s.name in ensembles and s.ready for s in self._control.index()):
            if time.monotonic() > deadline:
                return
            time.sleep(PAUSE)

    def _remembered(self) -> Served:
        deadline = time.monotonic() + REMEMBERED_WITHIN
        while (served := self._look()).remembered != self._version:
            if time.monotonic() > deadline:
                raise errors.NotRemembered(
                    name=self._name, version=self._version, url=self._control.url, seconds=REMEMBERED_WITHIN
                )
            time.sleep(PAUSE)
        return served
