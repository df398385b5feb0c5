"""Which setting wins, and whether that can be believed: the default stays unless the gain is larger than the noise."""

from collections.abc import Sequence
from dataclasses import dataclass

from tritext_perf.tuning.trial import Setting, Standing


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What comes of the final measurements."""

    winner: Setting | None
    """The setting to use; None where none keeps what must hold."""
    best: Setting
    """The setting with the best figures, whether or not it can be believed."""
    reason: str
    """One sentence."""


def choose(default: Standing, others: Sequence[Standing], *, keep_best: bool = False) -> Verdict:
    """Judge settings that were measured in turn with the default.

    Noise is what the runs of one setting differ by, the default's or the other's, whichever is more. Among those
    whose gain over the default is larger, the best one wins.

    Args:
        default: The setting that is used now.
        others: Those that may replace it, each with figures.
        keep_best: Whether the setting that comes closest may win where none keeps what must hold.
    """
    everyone = [default, *others]
    holding = [one for one in everyone if one.holds]
    if not holding:
        closest = min(everyone, key=lambda one: one.worst_p99)
        return Verdict(
            winner=closest.setting if keep_best else None, best=closest.setting, reason=_none_holds(closest)
        )
    best = max(holding, key=lambda one: one.worth)
    if not default.holds:
        return Verdict(winner=best.setting, best=best.setting, reason=_only_others_hold(default, best))
    convincing = [one for one in holding if one is not default and gain(one, default) > noise(one, default)]
    if not convincing:
        return Verdict(winner=default.setting, best=best.setting, reason=_default_stays(default, best))
    winner = max(convincing, key=lambda one: one.worth)
    return Verdict(winner=winner.setting, best=best.setting, reason=_better(default, winner))


def gain(one: Standing, default: Standing) -> float:
    """By what share it is better; 0.1 is a tenth more texts per second, or the same p99 divided by 1.1."""
    return one.worth / default.worth - 1


def noise(one: Standing, default: Standing) -> float:
    return max(one.spread, default.spread)


def _none_holds(closest: Standing) -> str:
    if closest.objective.p99 is None:
        return f"No setting keeps up with {closest.objective.scenario}, also not the best one ({closest.setting})."
    return (
        f"No setting keeps a p99 of {closest.objective.p99:g} ms at {closest.objective.scenario}: the closest, "
        f"{closest.setting}, has {closest.worst_p99:.0f} ms."
    )


def _only_others_hold(default: Standing, best: Standing) -> str:
    kept = (
        f"a p99 of {best.objective.p99:g} ms" if best.objective.p99 else f"up with {best.objective.scenario}"
    )
    return f"{best.setting} keeps {kept}; the default ({default.setting}) does not."


def _default_stays(default: Standing, best: Standing) -> str:
    if best is default:
        return f"The default ({default.setting}) is best."
    return (
        f"The default ({default.setting}) stays: {best.setting} is better by {gain(best, default):.0%}, which is not "
        f"more than runs of the same setting differ ({noise(best, default):.0%})."
    )


def _better(default: Standing, winner: Standing) -> str:
    return (
        f"{winner.setting} is better than the default ({default.setting}) by {gain(winner, default):.0%}; runs of the "
        f"same setting differ by {noise(winner, default):.0%} at most."
    )


def promise(one: Standing) -> tuple[bool, float]:
    """An order of what was measured once: what holds comes first, the better the higher; then what nearly holds."""
    if not one.measured:
        return False, -float("inf")
    return one.holds, one.worth if one.holds else -one.worst_p99
