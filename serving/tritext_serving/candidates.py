"""Which settings of a model step are worth a try on this machine, the best bets first. Measures nothing."""

from dataclasses import replace

from tritext_serving.step_settings import StepSettings

LIMITS = (8, 16, 4, 32, 2, 1)
"""On processors a batch of about eight rows keeps a core busy; more rows mostly wait for, and are padded to, the longest."""

DELAYS_US = (1_000, 5_000)

MOST_ON_GPU = 4
"""Copies of a network on one GPU, beyond which they only take memory from each other."""

LARGEST_BATCH = 256


def parallel(default: StepSettings, *, cores: int, gpu: bool) -> list[StepSettings]:
    """Other numbers of copies and threads than the default's, with its batching."""
    if gpu:
        pairs: list[tuple[int, int | None]] = [
            (count, default.threads) for count in range(1, MOST_ON_GPU + 1)
        ]
    else:
        threads = [2**power for power in range(cores.bit_length()) if 2**power <= cores]
        pairs = [(cores // each, each) for each in dict.fromkeys([*threads, cores])]
        # One core less for the steps around the network, and some copies more to fill the pauses between batches.
        pairs += [(max(1, cores - 1), 1), (cores + max(1, cores // 4), 1)]
    found = [replace(default, instances=instances, threads=threads) for instances, threads in pairs]
    return [settings for settings in dict.fromkeys(found) if settings != default]


def batching(settings: StepSettings, *, users: float | None, gpu: bool) -> list[StepSettings]:
    """Other ways to form batches with the same copies and threads; nothing, where the step takes no batches.

    Args:
        settings: What is varied.
        users: How many texts there are at most at a time; None if that is not known.
        gpu: Whether a GPU does the work: only there are larger batches than the step takes now worth anything.
    """
    most = settings.max_batch_size
    if most < 2:  # noqa: PLR2004
        return []
    reach = most if users is None else min(most, users)
    limited = [replace(settings, limit=limit, delay_us=0) for limit in LIMITS if limit < reach]
    delayed = [replace(settings, limit=None, delay_us=delay) for delay in DELAYS_US]
    larger = [replace(settings, limit=None, delay_us=0, max_batch_size=min(LARGEST_BATCH, 2 * most))]
    fits = gpu and users is not None and users > most and most < LARGEST_BATCH
    found = [*(larger if fits else []), replace(settings, limit=None, delay_us=0), *limited, *delayed]
    return [other for other in found if other != settings]
