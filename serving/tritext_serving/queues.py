"""How much may wait before a model: as much as is answered in a given time, at the rate that its build measured.

More than that is refused at once, so that whoever is let in is answered in time. It waits before the first step, which lets
no more in than the network needs to be busy. Configs in, configs out; measures nothing.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelDynamicBatching, ModelQueuePolicy

from tritext_serving.repository import CONFIG, MANIFEST, TOKENIZER, Model

BUILT_SIZE, BUILT_TIMEOUT_US = 4096, 30_000_000
"""What every build writes, which is no decision about a machine."""

FEWEST, MOST = 64, 4096
"""Requests that may wait: so many users are never refused, and so many are always too many."""

LONGEST_S = 30.0

REQUESTS = 4
"""The largest requests, one after the other, that must be able to wait for each other."""

INTERACTIVE, BULK = 1, 2
"""The two priorities: nothing of the second is let in while something of the first waits."""

LIMITS = ("default_queue_policy", "priority_queue_policy", "priority_levels", "default_priority_level")
"""What Triton must not find in a step's config, to form the next batch while one is computed."""

STEPS = (TOKENIZER, "_model", "_postprocess")

HOLDS = "backlog.py"
"""The file by which a version's first step can hold back what the network has no room for."""

PAGE = "TRITEXT_METRICS_URL"
"""The environment variable in which a first step finds Triton's page of metrics, which says how much waits behind it."""

BEHIND = "most_rows_waiting"
"""The parameter that tells a first step how many rows may wait before the network."""

BEHIND_S, FEWEST_BEHIND = 0.2, 64
"""Seconds of work that may, and rows that always may, whatever the machine."""

MICROSECONDS = 1e6


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What a version does: rows a second, and the most rows of one request; `holds` if its first step can hold back more."""

    rows_per_second: float
    most_rows: int
    holds: bool = False

    def behind(self, busy: int) -> int:
        """How many rows may wait behind the first step, where so many are computed at a time."""
        return max(FEWEST_BEHIND, 2 * busy, round(self.rows_per_second * BEHIND_S)) if self.holds else 0


def limited(model: Model, config: ModelConfig, seconds: float, *, busy: int = 0) -> ModelConfig:
    """The config with a finite queue for `seconds` of work, where the model's author left it as builds write it.

    The queue is the first step's; the steps behind it have none of their own, since only then does Triton form the next batch
    while one is computed. Where the first step holds nothing back, there is one before every step that batches.

    Requests that may wait are counted as if each were one row; what large ones make of that, the time limit ends: twice
    `seconds`, or as long as a few of the largest requests take. Bulk work waits in a queue of its own, and longer.

    Args:
        model: The step.
        config: As it is to be, but for its queue.
        seconds: Of work that may wait; 0 leaves everything as it is.
        busy: Rows that the machine computes at a time.
    """
    rate = rate_of(model)
    if not seconds or rate is None:
        return config
    new = ModelConfig()
    new.CopyFrom(config)
    is_first = model.name.endswith(TOKENIZER)
    if rate.holds and is_first:
        new.parameters[BEHIND].string_value = str(rate.behind(busy))
    if _is_open(config) and rate.holds and not is_first:
        for field in LIMITS:
            new.dynamic_batching.ClearField(field)
    elif _is_open(config):
        _limit(new.dynamic_batching, rate, seconds, rate.behind(busy))
    return new


def _limit(batching: ModelDynamicBatching, rate: Rate, seconds: float, behind: int) -> None:
    size = round(min(MOST, max(FEWEST, rate.rows_per_second * seconds - behind)))
    patience = min(LONGEST_S, max(2 * seconds, REQUESTS * rate.most_rows / rate.rows_per_second))
    batching.priority_levels, batching.default_priority_level = BULK, INTERACTIVE
    _set(batching.default_queue_policy, size, patience)
    _set(batching.priority_queue_policy[BULK], size, max(LONGEST_S, patience))


def _set(policy: ModelQueuePolicy, size: int, patience: float) -> None:
    policy.timeout_action = ModelQueuePolicy.REJECT
    policy.allow_timeout_override = True
    policy.default_timeout_microseconds = round(patience * MICROSECONDS)
    policy.max_queue_size = size


def _is_open(config: ModelConfig) -> bool:
    policy = config.dynamic_batching.default_queue_policy
    built = (BUILT_SIZE, BUILT_TIMEOUT_US)
    return (
        config.HasField("dynamic_batching")
        and (policy.max_queue_size, policy.default_timeout_microseconds) == built
    )


def rate_of(model: Model) -> Rate | None:
    """What the manifest of the newest of the model's versions says; None, if it is no step, or of an older build."""
    ensemble = next((model.name.removesuffix(step) for step in STEPS if model.name.endswith(step)), None)
    if ensemble is None or not model.versions:
        return None
    first = model.folder.parent / f"{ensemble}{TOKENIZER}" / str(model.versions[-1])
    with suppress(OSError, ValueError, KeyError, TypeError):
        manifest = json.loads((first / MANIFEST).read_text(encoding="utf-8"))
        rate = Rate(
            rows_per_second=float(manifest["rows_per_second"]),
            most_rows=int(manifest["max_batch_size"]),
            holds=_holds(first),
        )
        return rate if rate.rows_per_second > 0 and rate.most_rows > 0 else None
    return None


def _holds(first: Path) -> bool:
    """Whether a version's first step can hold requests back, and has a queue to keep them in, which only steps that batch have."""
    configs = (path for path in (first / CONFIG, first.parent / CONFIG) if path.is_file())
    said = next((path.read_text(encoding="utf-8") for path in configs), "")
    return (first / HOLDS).is_file() and "dynamic_batching" in said
