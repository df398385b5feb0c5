"""What sentence-transformers wrote beside an encoder is read as sentence-transformers reads it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.sentence_files import FLAGS, SentenceFiles
from tritext_build.errors import BadCheckpoint
from tritext_build.sentence_modules import (
    POOLING_MODES,
    DenseLayer,
    SentenceModules,
    read_sentence_modules,
)


def read(folder: Path, *, allow_pickle: bool = False) -> SentenceModules:
    return read_sentence_modules(folder, source="some/model", allow_pickle=allow_pickle)


def written(folder: Path, **facts: Any) -> Path:
    SentenceFiles(**facts).write(folder, hidden_size=32, max_length=64)
    return folder


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_encoder_without_such_files_is_pooled_by_the_mean(tmp_path: Path) -> None:
    assert read(tmp_path) == SentenceModules(pooling=("mean",), normalize=False)


@pytest.mark.parametrize("flags", [True, False])
@pytest.mark.parametrize("pooling", [*((mode,) for mode in FLAGS), ("cls", "mean")])
def test_pooling_is_read_from_files_of_every_release(
    tmp_path: Path, pooling: tuple[str, ...], *, flags: bool
) -> None:
    assert read(written(tmp_path, pooling=pooling, flags=flags)).pooling == pooling


def test_several_flags_are_concatenated_in_the_order_of_the_modes(tmp_path: Path) -> None:
    assert read(written(tmp_path, pooling=("mean", "cls"))).pooling == ("cls", "mean")
    assert tuple(FLAGS) == tuple(dict.fromkeys(FLAGS))
    assert set(FLAGS) == set(POOLING_MODES)


@pytest.mark.parametrize("normalize", [True, False])
def test_layers_stand_between_pooling_and_normalisation(tmp_path: Path, *, normalize: bool) -> None:
    modules = read(written(tmp_path, pooling=("cls", "mean"), dense=(48, 16), normalize=normalize))
    assert modules.normalize == normalize
    assert modules.dense == (
        layer(tmp_path / "2_Dense", inputs=64, outputs=48),
        layer(tmp_path / "3_Dense", inputs=48, outputs=16),
    )
    assert all(dense.weights.is_file() for dense in modules.dense)


def layer(folder: Path, *, inputs: int, outputs: int) -> DenseLayer:
    return DenseLayer(
        in_features=inputs,
        out_features=outputs,
        bias=True,
        activation="Tanh",
        weights=folder / "model.safetensors",
    )


def test_prompts_and_lengths_are_read(tmp_path: Path) -> None:
    prompts = {"query": "query: ", "document": "passage: "}
    modules = read(written(tmp_path, prompts=prompts, default_prompt_name="query", max_seq_length=24))
    assert (modules.prompts, modules.default_prompt, modules.max_seq_length) == (prompts, "query", 24)


def test_a_prompt_without_a_text_is_an_empty_one(tmp_path: Path) -> None:
    written(tmp_path, prompts={"query": "query: "})
    edit(tmp_path / "config_sentence_transformers.json", prompts={"query": None})
    assert read(tmp_path).prompts == {"query": ""}


def test_dropout_does_nothing(tmp_path: Path) -> None:
    written(tmp_path, normalize=False)
    listed(tmp_path, {"path": "2_Dropout", "type": "sentence_transformers.models.Dropout"})
    assert read(tmp_path) == SentenceModules(max_seq_length=64)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ({"path": "", "type": "sentence_transformers.models.LSTM"}, "Transformer, Pooling, LSTM"),
        ({"path": "", "type": "sentence_transformers.models.Pooling"}, "Transformer, Pooling, Pooling"),
        ({"path": "", "type": "custom_st.Transformer"}, "code of its author's"),
    ],
)
def test_modules_that_are_not_served_are_named(
    tmp_path: Path, module: Mapping[str, str], sentence: str
) -> None:
    written(tmp_path, normalize=False)
    listed(tmp_path, module)
    with pytest.raises(BadCheckpoint, match=sentence):
        read(tmp_path)


def listed(folder: Path, module: Mapping[str, str]) -> None:
    path = folder / "modules.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), module]))


@pytest.mark.parametrize(
    ("file", "changes", "sentence"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "pools by median"),
        ("2_Dense/config.json", {"use_residual": True}, "more than a linear layer"),
        ("2_Dense/config.json", {"module_output_name": "scores"}, "more than a linear layer"),
        ("2_Dense/config.json", {"activation_function": "os.system"}, "foreign code"),
        ("config_sentence_transformers.json", {"default_prompt_name": "x"}, "'x' is not among its prompts"),
    ],
)
def test_what_the_files_say_wrongly_is_one_sentence(
    tmp_path: Path, file: str, changes: dict[str, object], sentence: str
) -> None:
    edit(written(tmp_path, dense=(16,)) / file, **changes)
    with pytest.raises(BadCheckpoint, match=sentence):
        read(tmp_path)


def test_a_layer_in_a_pickle_is_read_only_where_that_was_allowed(tmp_path: Path) -> None:
    folder = written(tmp_path, dense=(16,)) / "2_Dense"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadCheckpoint, match="--allow-pickle"):
        read(tmp_path)
    assert read(tmp_path, allow_pickle=True).dense[0].weights == folder / "pytorch_model.bin"
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(BadCheckpoint, match="incomplete"):
        read(tmp_path, allow_pickle=True)
