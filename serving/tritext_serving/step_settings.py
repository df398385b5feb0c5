"""How a model step is run, as its config.pbtxt says it: copies, threads, batches. Configs in, configs out; knows no file and no server."""

from dataclasses import asdict, dataclass
from typing import Any

from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving.plan import INTRA_OP
from tritext_serving.repository import backend_of


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What may be tuned of a model step without a client noticing anything but speed."""

    instances: int | None
    """Copies of the network; None leaves them to Triton."""
    threads: int | None
    """Threads of one copy; None leaves them to the backend."""
    max_batch_size: int
    """The most rows of one run. Triton refuses a step that takes fewer than its ensemble."""
    limit: int | None = None
    """Rows at which a batch is sent off although more wait; None gathers up to `max_batch_size`."""
    delay_us: int = 0
    """Microseconds that a batch which is not full waits for more rows."""

    def __str__(self) -> str:
        copies = "Triton's instances" if self.instances is None else f"{self.instances} x"
        threads = "" if self.threads is None else f" {self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{copies}{threads}, {self.batching}"

    @property
    def batching(self) -> str:
        """How batches are formed, in words."""
        rows = f"batches of {self.limit}" if self.limit else f"batches up to {self.max_batch_size}"
        return f"{rows}, {self.delay_us / 1000:g} ms delay" if self.delay_us else rows

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read(config: ModelConfig) -> StepSettings:
    """What a model step's config says; where it has several groups of instances, what it says of the first."""
    groups = config.instance_group
    return StepSettings(
        instances=max(1, groups[0].count) if groups else None,
        threads=_threads(config),
        max_batch_size=config.max_batch_size,
        limit=max(config.dynamic_batching.preferred_batch_size, default=None),
        delay_us=config.dynamic_batching.max_queue_delay_microseconds,
    )


def _threads(config: ModelConfig) -> int | None:
    key = INTRA_OP.get(backend_of(config))
    said = config.parameters[key].string_value if key and key in config.parameters else ""
    return (int(said) or None) if said.isdecimal() else None


def applied(config: ModelConfig, settings: StepSettings) -> ModelConfig:
    """A copy of `config` that says `settings` and, in everything else, what it said before."""
    new = ModelConfig()
    new.CopyFrom(config)
    if settings.instances is not None:
        if not new.instance_group:
            new.instance_group.add()
        for group in new.instance_group:
            group.count = settings.instances
    if settings.threads is not None:
        new.parameters[INTRA_OP[backend_of(config)]].string_value = str(settings.threads)
    new.max_batch_size = settings.max_batch_size
    if settings.max_batch_size:
        _batch(new, settings)
    return new


def _batch(config: ModelConfig, settings: StepSettings) -> None:
    """Queues, priorities and timeouts stay as they are."""
    batching = config.dynamic_batching
    batching.SetInParent()
    del batching.preferred_batch_size[:]
    if settings.limit is not None:
        batching.preferred_batch_size.append(settings.limit)
    batching.max_queue_delay_microseconds = settings.delay_us
