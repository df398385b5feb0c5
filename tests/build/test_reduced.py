"""Fewer bits where they harm least: what is not rounded in FP32 is not computed in FP32."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from tests.build.test_packing import graph_of, rows_of
from tritext_build.formats import FORMATS, torchscript
from tritext_build.formats.reduced import ReducedLinear, reduced

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 99,
}
ROWS = {"input_ids": torch.arange(24).view(2, 12), "attention_mask": torch.ones(2, 12, dtype=torch.int64)}


@pytest.fixture(autouse=True)
def weights_that_repeat() -> None:
    torch.manual_seed(7)


def encoder(family: str = "bert", **options: Any) -> Any:
    return AutoModel.from_config(AutoConfig.for_model(family, **SMALL, **options)).eval()  # type: ignore[no-untyped-call]


def linears(model: nn.Module) -> Iterator[tuple[str, ReducedLinear]]:
    return ((name, part) for name, part in model.named_modules() if isinstance(part, ReducedLinear))


def narrow(model: nn.Module) -> list[str]:
    return [name for name, linear in linears(model) if linear.narrow]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_activation_between_two_products_is_computed_as_they_are(dtype: torch.dtype) -> None:
    """What was wide is rounded once in either way: no answer differs by more than a rounding now and then."""
    model = reduced(encoder(), dtype)
    assert narrow(model) == [f"encoder.layer.{layer}.intermediate.dense" for layer in range(2)]
    with torch.inference_mode():
        answer = model(**ROWS).last_hidden_state
        for _, linear in linears(model):
            linear.narrow = False
        torch.testing.assert_close(answer, model(**ROWS).last_hidden_state, rtol=0, atol=0.01)


def test_an_activation_written_as_a_formula_stays_in_fp32() -> None:
    assert narrow(reduced(encoder(hidden_act="gelu_new"), torch.bfloat16)) == []


def test_what_is_added_up_between_layers_is_never_rounded() -> None:
    """ELECTRA's embeddings go through a product, and from there into the sum of all layers."""
    model = reduced(encoder("electra", embedding_size=16), torch.bfloat16)
    assert "embeddings_project" not in narrow(model)
    with torch.inference_mode():
        assert model(**ROWS).last_hidden_state.dtype == torch.float32


def test_the_model_itself_is_as_before() -> None:
    model = encoder()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    reduced(model, torch.bfloat16)
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())


@pytest.mark.filterwarnings("ignore")
def test_with_amx_attention_of_long_texts_is_narrow_unless_gates_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchscript, "cpu_flags", lambda: {"avx512f", "amx_bf16"})
    monkeypatch.setattr(torchscript, "LONG", 30)
    graph = graph_of("bert")
    rows, path = rows_of(graph, [3, 29, 30]), tmp_path / "model.pt"
    answers = {}
    for export in FORMATS["torchscript"].exports(graph, rows, path, "bf16"):
        answers[export.recipe] = FORMATS["torchscript"].load(path, graph.output_names)(rows)["logits"]
    narrow, wide = answers["bf16"], answers["bf16, attention in fp32"]
    np.testing.assert_array_equal(narrow[:2], wide[:2])
    assert (narrow[2] != wide[2]).any()
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=0.05 * np.abs(wide).max())
