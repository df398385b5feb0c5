"""Triton model configurations as data: built as protobuf messages, written as protobuf text.

Fields and their meaning:
https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_configuration.md
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

MAX_BATCH_SIZE = 64
"""Rows that one run computes, and that one request of texts may carry."""

MOST_ROWS = 256
"""Rows that a request may become where one text, or one request, is several rows."""

QUEUE_SIZE = 4096
"""Requests that may wait before a step; more are refused at once with UNAVAILABLE."""

QUEUE_TIMEOUT_US = 30_000_000
"""How long a request may wait, in microseconds. Triton ignores a client's own timeout where this is zero."""

INTERACTIVE, BULK = 1, 2
"""Priorities: nothing of the second is computed while something of the first waits. Each has a queue of its own."""

STRING, INT32, INT64, FP32 = "TYPE_STRING", "TYPE_INT32", "TYPE_INT64", "TYPE_FP32"


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or output; `dims` are the dimensions of one row."""

    name: str
    data_type: str
    dims: tuple[int, ...]
    label_filename: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One model inside an ensemble; the maps go from the model's tensor names to the ensemble's."""

    model_name: str
    model_version: int
    input_map: Mapping[str, str]
    output_map: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One `config.pbtxt`. An ensemble has `steps`; every other model has a `backend`.

    With a `max_batch_size` of 0 requests are not made of rows, and a backend takes them one by one; otherwise it
    batches dynamically, up to `most_rows_at_once` where that is given and less.
    """

    name: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    backend: str = ""
    max_batch_size: int = MAX_BATCH_SIZE
    most_rows_at_once: int = 0
    instances: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    steps: Iterable[Step] = ()

    def to_text(self) -> str:
        """The configuration in protobuf's text format, as Triton reads it."""
        message = model_config_pb2.ModelConfig(name=self.name, max_batch_size=self.max_batch_size)
        message.input.extend(_tensor(model_config_pb2.ModelInput, tensor) for tensor in self.inputs)
        message.output.extend(_tensor(model_config_pb2.ModelOutput, tensor) for tensor in self.outputs)
        for key, value in sorted(self.parameters.items()):
            message.parameters[key].string_value = value
        if self.backend:
            message.backend = self.backend
            if self.max_batch_size:
                _batch_dynamically(message)
                if self.most_rows_at_once:
                    # The largest preferred size is the largest that Triton makes.
                    message.dynamic_batching.preferred_batch_size.append(self.most_rows_at_once)
        else:
            message.platform = "ensemble"
            message.ensemble_scheduling.step.extend(_step(step) for step in self.steps)
        if self.instances:
            message.instance_group.add(
                count=self.instances, kind=model_config_pb2.ModelInstanceGroup.KIND_CPU
            )
        return str(text_format.MessageToString(message))


def _tensor(message_type: type, tensor: Tensor) -> object:
    message = message_type(
        name=tensor.name, data_type=model_config_pb2.DataType.Value(tensor.data_type), dims=tensor.dims
    )
    if tensor.label_filename:
        message.label_filename = tensor.label_filename
    return message


def _batch_dynamically(message: model_config_pb2.ModelConfig) -> None:
    """Batch what waits while the last batch computes: no delay, so that a lone user pays nothing."""
    batching = message.dynamic_batching
    batching.priority_levels, batching.default_priority_level = BULK, INTERACTIVE
    for policy in (batching.default_queue_policy, batching.priority_queue_policy[BULK]):
        policy.timeout_action = model_config_pb2.ModelQueuePolicy.REJECT
        policy.default_timeout_microseconds = QUEUE_TIMEOUT_US
        policy.allow_timeout_override = True
        policy.max_queue_size = QUEUE_SIZE


def _step(step: Step) -> model_config_pb2.ModelEnsembling.Step:
    return model_config_pb2.ModelEnsembling.Step(
        model_name=step.model_name,
        model_version=step.model_version,
        input_map=step.input_map,
        output_map=step.output_map,
    )
