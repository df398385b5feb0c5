"""config.pbtxt is data first: what is written is what Triton parses back."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import text_format
from transformers import BertConfig
from tritonclient.grpc import model_config_pb2

from tritext_build.formats import FORMATS
from tritext_build.layout import ModelVersion
from tritext_build.model_config import BULK, INTERACTIVE
from tritext_build.tasks import TASKS
from tritext_build.tasks.task import DEFAULT_OPTIONS, Blueprint

GOLDEN = Path(__file__).parent / "golden"


def classifier(labels: Sequence[str]) -> Blueprint:
    """What is served of a single-label classifier."""
    config = BertConfig(id2label=dict(enumerate(labels)), problem_type="single_label_classification")
    checkpoint: Any = SimpleNamespace(labels=tuple(labels), config=config)
    return TASKS["text-classification"].blueprint(checkpoint, DEFAULT_OPTIONS)


def version(format_name: str) -> ModelVersion:
    return ModelVersion(
        name="moods",
        version=7,
        task=TASKS["text-classification"],
        blueprint=classifier(("calm", "cross")),
        input_names=("input_ids", "attention_mask"),
        max_length=96,
        pad_token_id=1,
        truncation_side="right",
        format=FORMATS[format_name],
        precision="fp32",
    )


@pytest.mark.parametrize("format_name", FORMATS)
def test_configurations_equal_their_golden_files(format_name: str) -> None:
    written = "".join(f"# {config.name}\n{config.to_text()}" for config in version(format_name).configs())
    assert written == (GOLDEN / f"{format_name}.pbtxt").read_text(encoding="utf-8")


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_configuration_survives_the_way_through_text(format_name: str) -> None:
    for config in version(format_name).configs():
        parsed = text_format.Parse(config.to_text(), model_config_pb2.ModelConfig())
        assert text_format.MessageToString(parsed) == config.to_text()


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_tensor_is_both_answered_and_fed_to_a_later_step(format_name: str) -> None:
    """Triton's pruning dead-locks on such a tensor when a client asks for some of the outputs only."""
    *_, ensemble = version(format_name).configs()
    answered = {tensor.name for tensor in ensemble.outputs}
    fed = {tensor for step in ensemble.steps for tensor in step.input_map.values()}
    assert not answered & fed


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_step_is_pinned_to_its_version_and_fed_by_an_earlier_one(format_name: str) -> None:
    *_, ensemble = version(format_name).configs()
    known = {tensor.name for tensor in ensemble.inputs}
    for step in ensemble.steps:
        assert step.model_version == 7
        assert set(step.input_map.values()) <= known
        known |= set(step.output_map.values())
    assert {tensor.name for tensor in ensemble.outputs} <= known


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_queue_is_finite_and_every_wait_ends(format_name: str) -> None:
    for config in version(format_name).configs():
        parsed = text_format.Parse(config.to_text(), model_config_pb2.ModelConfig())
        if parsed.platform != "ensemble":
            batching = parsed.dynamic_batching
            for policy in (batching.default_queue_policy, batching.priority_queue_policy[BULK]):
                assert policy.max_queue_size > 0
                assert policy.default_timeout_microseconds > 0
                assert policy.allow_timeout_override


@pytest.mark.parametrize("format_name", FORMATS)
def test_who_says_nothing_goes_before_bulk_work(format_name: str) -> None:
    for config in version(format_name).configs():
        batching = text_format.Parse(config.to_text(), model_config_pb2.ModelConfig()).dynamic_batching
        assert (batching.default_priority_level, batching.priority_levels) in {(INTERACTIVE, BULK), (0, 0)}
