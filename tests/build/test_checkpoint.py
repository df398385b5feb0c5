"""Every checkpoint that cannot be served is refused with one sentence that says why; the others say what they are."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.families import MAX_LENGTH, make
from tests.support.sentence_files import SentenceFiles
from tritext.errors import TritextError
from tritext_build.building import BuildRequest
from tritext_build.checkpoint import DEFAULT_LENGTH, open_checkpoint
from tritext_build.errors import BadCheckpoint, MaxLengthOutOfRange
from tritext_build.tasks.task import TaskOptions

Damage = Callable[[Path], None]


def edit(file: str, **changes: object) -> Damage:
    def apply(folder: Path) -> None:
        path = folder / file
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return apply


def truncate(file: str, size: int) -> Damage:
    def apply(folder: Path) -> None:
        (folder / file).write_bytes((folder / file).read_bytes()[:size])

    return apply


def remove(*names: str) -> Damage:
    def apply(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return apply


def write(file: str, content: str) -> Damage:
    def apply(folder: Path) -> None:
        (folder / file).write_text(content)

    return apply


def pickled(folder: Path) -> None:
    """Weights as older checkpoints have them."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def without_head(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if "classifier" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def slow_tokenizer(folder: Path) -> None:
    """CANINE reads characters; nobody has made a fast tokenizer of it."""
    for path in folder.glob("tokenizer*"):
        path.unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "CanineTokenizer"}')


def in_shards(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    index: dict[str, str] = {}
    for shard, names in enumerate((sorted(weights)[::2], sorted(weights)[1::2]), 1):
        file = f"model-{shard:05}-of-00002.safetensors"
        save_file({name: weights[name] for name in names}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(names, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def lacking_a_shard(folder: Path) -> None:
    in_shards(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


@pytest.fixture
def copied(tmp_path: Path, checkpoint: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copied"))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncate("model.safetensors", 1000), "reading it failed"),
        (truncate("model.safetensors", 0), "reading it failed"),
        (truncate("config.json", 20), "."),
        (truncate("tokenizer.json", 50), "reading it failed"),
        (remove("model.safetensors"), "safetensors"),
        (remove("tokenizer.json", "tokenizer_config.json"), "no vocabulary"),
        (pickled, "--allow-pickle"),
        (lacking_a_shard, "reading it failed"),
        (without_head, "weights lack classifier"),
        (slow_tokenizer, "CanineTokenizer has no fast version"),
        (edit("config.json", hidden_size=48), "."),
        (edit("config.json", architectures=["BertForMultipleChoice"]), "no task serves"),
        (edit("config.json", architectures=None), "without a declared architecture"),
        (edit("config.json", model_type="no-such-model"), "reading it failed"),
        (
            edit("config.json", model_type="own", auto_map={"AutoConfig": "own.Config"}),
            "'own' is code of its author's",
        ),
        (edit("config.json", quantization_config={"quant_method": "gptq"}), r"quantized already \(gptq\)"),
        (edit("tokenizer_config.json", pad_token=None), "no pad token"),
        (write("sentence_bert_config.json", "[]"), "reading it failed"),
        (write("modules.json", "{"), "modules.json is no list"),
        (write("modules.json", '[{"path": "../elsewhere"}]'), "leads out of its folder"),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(copied: Path, damage: Damage, sentence: str) -> None:
    damage(copied)
    with pytest.raises(TritextError, match=sentence) as raised:
        open_checkpoint(str(copied))
    assert "\n" not in str(raised.value)


def test_models_that_read_padding_are_refused(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, FNetConfig, FNetForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(make(tmp_path / "bert"))
    config = FNetConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, intermediate_size=32)
    FNetForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(BadCheckpoint, match="takes no attention_mask"):
        open_checkpoint(str(tmp_path))


class Escaped:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_that_was_allowed_is_read_as_weights(copied: Path) -> None:
    expected = load_file(copied / "model.safetensors")["classifier.weight"]
    pickled(copied)
    _, model = open_checkpoint(str(copied), allow_pickle=True)
    assert torch.equal(model.get_parameter("classifier.weight"), expected)


def test_a_pickle_that_was_allowed_still_runs_no_code(copied: Path, tmp_path: Path) -> None:
    (copied / "model.safetensors").unlink()
    (copied / "pytorch_model.bin").write_bytes(pickle.dumps(Escaped(tmp_path / "escaped")))
    with pytest.raises(BadCheckpoint, match="reading it failed"):
        open_checkpoint(str(copied), allow_pickle=True)
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("also_pickled", [False, True])
def test_shards_are_one_checkpoint(copied: Path, *, also_pickled: bool) -> None:
    expected = load_file(copied / "model.safetensors")
    in_shards(copied)
    if also_pickled:
        (copied / "pytorch_model.bin").write_bytes(b"never read where there are safetensors")
    _, model = open_checkpoint(str(copied), allow_pickle=also_pickled)
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in expected.items())


def test_a_checkpoint_says_what_it_is(checkpoint: Path, multi_label_checkpoint: Path) -> None:
    single, model = open_checkpoint(str(checkpoint))
    assert single.labels == ("calm", "cross", "curious")
    assert single.input_names == ("input_ids", "attention_mask", "token_type_ids")
    assert single.task.name == "text-classification"
    assert single.length_limit == single.default_length == MAX_LENGTH
    assert not model.training
    multi, _ = open_checkpoint(str(multi_label_checkpoint))
    assert (multi.labels, multi.config.problem_type) == (
        ("late", "broken", "dear", "kind"),
        "multi_label_classification",
    )


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


@pytest.mark.parametrize(
    ("family", "positions", "declared", "limit", "default"),
    [
        ("bert", 1024, 1024, 1024, 512),
        ("bert", 64, 16, 64, 16),
        ("bert", 32, 10**30, 32, 32),
        ("roberta", 514, 10**30, 512, 512),
        ("roberta", 34, 512, 32, 32),
        ("mpnet", 514, 512, 512, 512),
        ("deberta-v3", 512, 10**30, 512, 512),
        ("deberta-v3", 512, 1280, 1280, 512),
        ("modernbert", 8192, 8192, 8192, 512),
    ],
)
def test_limits_come_from_the_position_table_and_defaults_from_what_is_declared(
    tmp_path: Path, family: str, positions: int, declared: int, limit: int, default: int
) -> None:
    make(tmp_path, family=family, max_length=declared, max_position_embeddings=positions)
    opened, _ = open_checkpoint(str(tmp_path))
    assert (opened.length_limit, opened.default_length) == (limit, default)
    assert default <= DEFAULT_LENGTH
    assert opened.max_length(None) == default
    assert opened.max_length(limit) == limit


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({}, "sigmoid"),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, "none"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "none"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, "sigmoid"),
        ({"sentence_transformers": {"activation_fn": "own.code.Function"}}, "sigmoid"),
    ],
)
def test_rankings_are_scored_as_sentence_transformers_does(
    tmp_path: Path, declared: dict[str, Any], expected: str
) -> None:
    from sentence_transformers import CrossEncoder

    make(tmp_path, head="cross-encoder", **declared)
    opened, _ = open_checkpoint(str(tmp_path))
    assert opened.ranking_function == expected
    activation = type(CrossEncoder(str(tmp_path), device="cpu").activation_fn).__name__
    assert {"Sigmoid": "sigmoid", "Identity": "none"}[activation] == expected


@pytest.mark.parametrize(
    ("head", "declared", "expected"),
    [
        ("cross-encoder", {"sentence_transformers": {}}, "text-ranking"),
        ("cross-encoder", {}, "text-classification"),
        ("single-label", {"sentence_transformers": {}}, "text-classification"),
    ],
)
def test_a_cross_encoder_ranks_unless_it_has_several_outputs_or_does_not_say_that_it_is_one(
    tmp_path: Path, head: str, declared: dict[str, Any], expected: str
) -> None:
    make(tmp_path, head=head, **declared)
    assert open_checkpoint(str(tmp_path))[0].task.name == expected


@pytest.mark.parametrize(
    ("task", "pairs", "wanted"),
    [(None, True, "text-classification"), (None, False, None), ("text-ranking", False, "text-ranking")],
)
def test_who_asks_for_pairs_asks_for_classification(
    tmp_path: Path, task: str | None, wanted: str | None, *, pairs: bool
) -> None:
    options = TaskOptions(pairs=pairs)
    request = BuildRequest(checkpoint="c", name="n", repository=tmp_path, task=task, options=options)
    assert request.wanted_task == wanted


def test_a_ranking_function_that_is_not_served_is_one_sentence(tmp_path: Path) -> None:
    declared = {"activation_fn": "torch.nn.modules.activation.Tanh"}
    make(tmp_path, head="cross-encoder", sentence_transformers=declared)
    with pytest.raises(BadCheckpoint, match="Tanh"):
        _ = open_checkpoint(str(tmp_path))[0].ranking_function


@pytest.mark.parametrize("head", ["encoder", "fill-mask"])
def test_embeddings_do_not_need_a_pooler(tmp_path: Path, head: str) -> None:
    """Masked-language models have none, and some encoders were saved without."""
    make(tmp_path, head=head)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(
        {name: weight for name, weight in weights.items() if "pooler" not in name},
        tmp_path / "model.safetensors",
        metadata={"format": "pt"},
    )
    opened, _ = open_checkpoint(str(tmp_path), task="feature-extraction")
    assert opened.sentence_modules.pooling == ("mean",)


def test_an_encoder_in_a_folder_of_its_own_is_found(tmp_path: Path) -> None:
    make(tmp_path, head="encoder", sentences=SentenceFiles(max_seq_length=24))
    inner = tmp_path / "0_Transformer"
    inner.mkdir()
    for path in tmp_path.iterdir():
        if path.is_file() and path.name not in {"modules.json", "config_sentence_transformers.json"}:
            path.rename(inner / path.name)
    modules = json.loads((tmp_path / "modules.json").read_text())
    modules[0]["path"] = inner.name
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    opened, _ = open_checkpoint(str(tmp_path))
    assert (opened.default_length, opened.length_limit) == (24, MAX_LENGTH)
    assert opened.sentence_modules.normalize


def test_texts_are_lowercased_where_sentence_transformers_would(tmp_path: Path) -> None:
    make(tmp_path, family="bert-cased", head="encoder")
    edit("sentence_bert_config.json", do_lower_case=True)(tmp_path)
    tokenizer = open_checkpoint(str(tmp_path))[0].tokenizer
    assert tokenizer("The SAME").input_ids == tokenizer("the same").input_ids
