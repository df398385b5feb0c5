"""A config that is given other settings says these, and in everything else what it said, as it was written."""

from dataclasses import replace

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving import step_settings
from tritext_serving.config_text import rewritten
from tritext_serving.step_settings import StepSettings

BUILT = """\
# Tuned by hand on 3 May; ask Ana before you change it {"
name: "tiny_model"  # the folder's name
max_batch_size: 64
input { name: "input_ids" data_type: TYPE_INT64 dims: 8 }
input [ { name: "attention_mask" data_type: TYPE_INT64 dims: [ 8 ] } ]
output { name: "logits" data_type: TYPE_FP32 dims: 3 label_filename: "labels.txt" }
# one for each of the "cores"
instance_group { count: 5 kind: KIND_CPU }
dynamic_batching {
  preferred_batch_size: [ 4, 8 ]
  default_queue_policy { default_timeout_microseconds: 30000000 max_queue_size: 4096 }
}
parameters { key: "intra_op_thread_count" value { string_value: "1" } }
parameters: { key: "note" value: { string_value: 'it\\'s { "ours" } # all' " of it" } }
version_policy { specific { versions: [ 1 ] } }
backend: "onnxruntime"
# the end
"""

HAND_WRITTEN = (
    'backend :"pytorch"; max_batch_size:8,instance_group <count:1> instance_group[{count:2 gpus:[1]}]'
)
BARE = 'platform: "onnxruntime_onnx" max_batch_size: 0'
CONFIGS = (BUILT, HAND_WRITTEN, BARE)

settings = st.builds(
    StepSettings,
    instances=st.integers(1, 99) | st.none(),
    threads=st.integers(1, 99) | st.none(),
    max_batch_size=st.sampled_from([64, 128]),
    limit=st.integers(1, 64) | st.none(),
    delay_us=st.integers(0, 10_000),
)


def parse(text: str) -> ModelConfig:
    return text_format.Parse(text, ModelConfig())


def changed(text: str, wanted: StepSettings) -> str:
    return rewritten(text, step_settings.applied(parse(text), wanted))


def without_settings(config: ModelConfig) -> ModelConfig:
    """What nobody may change."""
    rest = ModelConfig()
    rest.CopyFrom(config)
    rest.ClearField("max_batch_size")
    rest.dynamic_batching.ClearField("preferred_batch_size")
    rest.dynamic_batching.ClearField("max_queue_delay_microseconds")
    for group in rest.instance_group:
        group.ClearField("count")
    if config.backend != "pytorch":
        rest.parameters.pop("intra_op_thread_count", None)
    else:
        rest.parameters.pop("INTRA_OP_THREAD_COUNT", None)
    return rest


@pytest.mark.parametrize("text", CONFIGS[:2])
@given(wanted=settings)
def test_what_is_written_is_read_back(text: str, wanted: StepSettings) -> None:
    before = step_settings.read(parse(text))
    kept = {name: getattr(before, name) for name in ("instances", "threads") if getattr(wanted, name) is None}
    assert step_settings.read(parse(changed(text, wanted))) == replace(wanted, **kept)


@pytest.mark.parametrize("text", CONFIGS[:2])
@given(wanted=settings)
def test_nothing_but_the_settings_changes(text: str, wanted: StepSettings) -> None:
    assert without_settings(parse(changed(text, wanted))) == without_settings(parse(text))


@given(wanted=settings)
def test_comments_and_fields_that_stay_are_left_as_they_were_written(wanted: StepSettings) -> None:
    lines = changed(BUILT, wanted).splitlines()
    ours = ("max_batch_size", "instance_group", "intra_op", "dynamic_batching", "  ", "}")
    for line in BUILT.splitlines():
        if not any(word in line[:40] for word in ours) or "note" in line:
            assert line in lines


@pytest.mark.parametrize("text", CONFIGS)
def test_a_config_that_is_given_what_it_says_stays_the_same(text: str) -> None:
    assert rewritten(text, parse(text)).rstrip("\n") == text.rstrip("\n")


def test_a_step_that_takes_no_batches_is_given_none() -> None:
    new = parse(changed(BARE, StepSettings(instances=2, threads=3, max_batch_size=0, delay_us=5)))
    assert not new.HasField("dynamic_batching")
    assert new.instance_group[0].count == 2
    assert new.parameters["intra_op_thread_count"].string_value == "3"


def test_text_that_is_read_wrongly_loses_comments_and_no_setting() -> None:
    """A bracket in a place where our simple reader does not look for one."""
    odd = 'name: "a" # b\nbackend: "onnxruntime" max_batch_size: 4 [not.known.extension]: 1'
    with pytest.raises(text_format.ParseError):
        rewritten(odd, ModelConfig())
    wanted = ModelConfig(name="b", max_batch_size=1)
    assert parse(rewritten("name:'a''c'max_batch_size:4", wanted)) == wanted


def test_unset_counts_and_threads_are_left_to_triton() -> None:
    read = step_settings.read(parse('backend: "pytorch" max_batch_size: 8'))
    assert (read.instances, read.threads, read.limit, read.delay_us) == (None, None, None, 0)
