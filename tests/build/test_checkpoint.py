"""Every checkpoint that cannot be served is refused with one sentence that says why."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.families import MAX_LENGTH
from tritext.errors import TritextError
from tritext_build.checkpoint import open_checkpoint
from tritext_build.errors import MaxLengthOutOfRange


def edit(file: str, **changes: object) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / file
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return apply


def truncate(file: str, size: int) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / file).write_bytes((folder / file).read_bytes()[:size])

    return apply


def remove(*names: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return apply


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_head(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: weight for name, weight in weights.items() if "classifier" not in name},
        folder / "model.safetensors",
    )


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncate("model.safetensors", 1000), "reading it failed"),
        (truncate("model.safetensors", 0), "reading it failed"),
        (truncate("config.json", 20), "."),
        (truncate("tokenizer.json", 50), "reading it failed"),
        (remove("model.safetensors"), "safetensors"),
        (remove("tokenizer.json", "tokenizer_config.json"), "no vocabulary"),
        (pickle_only, "safetensors"),
        (without_head, "weights lack classifier"),
        (edit("config.json", hidden_size=48), "."),
        (edit("config.json", architectures=["BertForMaskedLM"]), "no task serves"),
        (edit("config.json", architectures=None), "without a declared architecture"),
        (edit("config.json", model_type="no-such-model"), "reading it failed"),
        (edit("tokenizer_config.json", pad_token=None), "no pad token"),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(
    tmp_path: Path, checkpoint: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(checkpoint, folder)
    damage(folder)
    with pytest.raises(TritextError, match=sentence) as raised:
        open_checkpoint(str(folder))
    assert "\n" not in str(raised.value)


def test_a_checkpoint_says_what_it_is(checkpoint: Path, multi_label_checkpoint: Path) -> None:
    single, model = open_checkpoint(str(checkpoint))
    assert single.labels == ("calm", "cross", "curious")
    assert single.function_to_apply == "softmax"
    assert single.input_names == ("input_ids", "attention_mask", "token_type_ids")
    assert single.length_limit == MAX_LENGTH
    assert not model.training
    assert open_checkpoint(str(multi_label_checkpoint))[0].function_to_apply == "sigmoid"


def test_positions_that_roberta_keeps_for_itself_do_not_count(tmp_path: Path, checkpoint: Path) -> None:
    """514 rows of positions with padding_idx 1 hold 512 tokens; the limit comes from the table, not from the name."""
    from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.model_max_length = 10_000
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=34, pad_token_id=1, type_vocab_size=2,
    )  # fmt: skip
    RobertaForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert open_checkpoint(str(tmp_path))[0].length_limit == 32


@pytest.mark.parametrize("asked", [0, 7, MAX_LENGTH + 1])
def test_a_max_length_that_the_model_cannot_take_is_refused(checkpoint: Path, asked: int) -> None:
    opened, _ = open_checkpoint(str(checkpoint))
    with pytest.raises(MaxLengthOutOfRange, match=f"8 to {MAX_LENGTH}"):
        opened.max_length(asked)
    assert opened.max_length(None) == MAX_LENGTH


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TritextError, match="no checkpoint"):
        open_checkpoint(str(tmp_path / "nowhere"))
