"""A rollout to several servers, one after the other; the first that fails ends it, and every server's version is told."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from tritext_serving.control import Control
from tritext_serving.errors import Refused, ServingError
from tritext_serving.rollouts import errors
from tritext_serving.rollouts.rollout import Rollout
from tritext_serving.rollouts.served import Served, look
from tritext_serving.rollouts.shadow import Comparison, Shadow

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Tell = Callable[[str, str], None]
"""Called with a server and what is being done there."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be live where.

    Attributes:
        version: None is the one that was live before.
        shadow: Texts to ask both versions before the swap.
        max_changed: The share of these whose answers may differ.
        drain_timeout: Seconds that requests to the old version get to be answered.
    """

    name: str
    urls: tuple[str, ...]
    version: int | None = None
    shadow: Shadow | None = None
    max_changed: float = 1.0
    drain_timeout: float = 60.0

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise errors.BadModelName(self.name)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one server."""

    url: str
    name: str
    before: int | None
    live: int | None
    rollback_to: tuple[int, ...] = ()
    comparison: Comparison | None = None

    def as_dict(self) -> dict[str, Any]:
        compared = self.comparison.summary() if self.comparison else None
        return {**asdict(replace(self, comparison=None)), "comparison": compared}


def roll(order: Order, tell: Tell) -> list[Outcome]:
    """Roll out to each server in turn.

    Raises:
        Stopped: One of several failed; says what each serves now.
        ServingError: The only one failed.
    """
    outcomes: list[Outcome] = []
    for url in order.urls:
        control = Control(url=url.removeprefix("http://").rstrip("/"))
        try:
            outcomes.append(_roll_one(order, control, partial(tell, url)))
        except errors.AlreadyLive as error:
            if len(order.urls) == 1:
                raise
            # So that the same command goes on where it was stopped.
            outcomes.append(
                Outcome(url=control.url, name=order.name, before=error.version, live=error.version)
            )
        except ServingError as error:
            if len(order.urls) == 1:
                raise
            raise errors.Stopped(
                reason=str(error), states=[_state(order.name, other) for other in order.urls]
            ) from None
    return outcomes


def _roll_one(order: Order, control: Control, tell: Callable[[str], None]) -> Outcome:
    served = look(control, order.name)
    version, rollback_to = _target(order, served)
    found: list[Comparison] = []

    def check(control: Control, old: str, new: str) -> None:
        if order.shadow:
            tell("asking both versions the same texts")
            found.append(order.shadow.compare(control, old, new))
            _judge(order, served, version, found[0])

    rollout = Rollout(control, order.name, version, drain_timeout=order.drain_timeout, tell=tell)
    try:
        # The version is live already where its rollout was cut off before it had dropped the old one.
        after = rollout.finish() if version == served.version else rollout.run(rollback_to, check)
    except Refused as error:
        raise _understood(control, error) from None
    return Outcome(
        url=control.url,
        name=order.name,
        before=served.version,
        live=after.version,
        rollback_to=after.rollback_to,
        comparison=found[0] if found else None,
    )


def _target(order: Order, served: Served) -> tuple[int, tuple[int, ...]]:
    """The version to make live, or to finish making live, and those that it may be rolled back to."""
    before = tuple(version for version in served.rollback_to if version in served.versions)
    if order.version is None:
        if not before:
            raise errors.NothingToRollBackTo(
                name=order.name, url=served.url, version=served.version, versions=served.versions
            )
        return before[-1], before[:-1]
    if order.version not in served.versions:
        raise errors.VersionNotThere(
            name=order.name, version=order.version, url=served.url, versions=served.versions
        )
    if order.version == served.version and not served.leftovers:
        raise errors.AlreadyLive(name=order.name, version=order.version, url=served.url)
    return order.version, (*before, *((served.version,) if served.version else ()))


def _judge(order: Order, served: Served, version: int, comparison: Comparison) -> None:
    if comparison.share > order.max_changed:
        raise errors.TooManyChanged(
            name=order.name,
            version=version,
            url=served.url,
            changed=f"{comparison.changed} of {len(comparison.compared)}",
            limit=f"{order.max_changed:.1%}",
            serves=f"{served.sentence()[0].upper()}{served.sentence()[1:]}.",
            comparison=comparison.summary(),
        )


def _understood(control: Control, error: Refused) -> ServingError:
    """Triton's refusal to be controlled at all, in words for a person."""
    if "not allowed" in error.message:
        return errors.CannotControl(url=control.url, reason=error.message)
    return error


def _state(name: str, url: str) -> str:
    try:
        return look(Control(url=url.removeprefix("http://").rstrip("/")), name).sentence()
    except ServingError:
        return f"{url} does not answer about {name!r}"
