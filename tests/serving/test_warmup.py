"""Networks of tokens are warmed up on rows that any of them can compute; every other model is left alone."""

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from tritext_serving.warmup import SHAPES, warmed

INPUT = 'input {{ name: "{name}" data_type: {kind} dims: [{width}] }} '
OUTPUT = 'output { name: "logits" data_type: TYPE_FP32 dims: [3] }'


def config(*inputs: tuple[str, str, int], more: str = "max_batch_size: 64") -> ModelConfig:
    text = "".join(INPUT.format(name=name, kind=kind, width=width) for name, kind, width in inputs)
    parsed: ModelConfig = text_format.Parse(f"{text} {OUTPUT} {more}", ModelConfig())
    return parsed


TOKENS = (("input_ids", "TYPE_INT64", 32), ("attention_mask", "TYPE_INT64", 32))


def test_each_sample_is_a_row_of_so_many_tokens() -> None:
    found = warmed("some_model", config(*TOKENS))
    shapes = []
    for sample in found.config.model_warmup:
        assert {*sample.inputs} == {"input_ids", "attention_mask"}
        rows = {
            name: np.frombuffer(found.files[taken.input_data_file], np.int64)
            for name, taken in sample.inputs.items()
        }
        assert all(row.shape == (32,) for row in rows.values())
        assert not rows["input_ids"].any()
        count = int(rows["attention_mask"].sum())
        np.testing.assert_array_equal(rows["attention_mask"], [1] * count + [0] * (32 - count))
        shapes.append((sample.batch_size, count))
    assert shapes == [(rows, min(tokens, 32)) for rows, tokens in SHAPES]


def test_torchscript_numbers_its_inputs() -> None:
    found = warmed("some_model", config(("attention_mask__1", "TYPE_INT64", 32)))
    assert {*found.files} == {f"attention_mask__1-{min(tokens, 32)}" for _, tokens in SHAPES}


def test_a_batch_is_no_larger_than_the_model_takes() -> None:
    found = warmed("some_model", config(*TOKENS, more="max_batch_size: 4"))
    assert max(sample.batch_size for sample in found.config.model_warmup) == 4


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("some_tokenizer", config(*TOKENS)),
        ("some_model", config(*TOKENS, more="max_batch_size: 64 model_warmup { name: 'own' batch_size: 1 }")),
        ("some_model", config(*TOKENS, more="max_batch_size: 0")),
        ("some_model", config(("input_ids", "TYPE_INT64", -1), ("attention_mask", "TYPE_INT64", -1))),
        ("some_model", config(("pixels", "TYPE_FP32", 32))),
        ("some_model", config(("input_ids", "TYPE_INT64", 32))),
    ],
)
def test_what_is_not_known_or_has_a_warm_up_is_left_as_it_is(name: str, given: ModelConfig) -> None:
    found = warmed(name, given)
    assert found.config == given
    assert not found.files
