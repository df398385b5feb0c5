"""A network of BERT-base's size for the same tokenizer and labels; its weights are random, which serves for speed."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from comparison.parts import Subject


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of a BERT."""

    layers: int
    hidden: int
    heads: int

    @property
    def feed_forward(self) -> int:
        return 4 * self.hidden


TINY = Size(layers=2, hidden=64, heads=2)
BASE = Size(layers=12, hidden=768, heads=12)
LARGE = Size(layers=24, hidden=1024, heads=16)


def subject(small: Subject) -> Subject:
    """The same comparison of a checkpoint of BERT-base's size."""
    work = small.work.parent / "base"
    folder = random_bert(small.checkpoint, BASE, work / "bert-base-random")
    return replace(small, checkpoint=folder, work=work, eval_data=None)


def random_bert(taught: Path, size: Size, folder: Path) -> Path:
    """A classifier with another one's tokenizer and labels, made on first use."""
    if not (folder / "model.safetensors").is_file():
        unfinished = folder.with_name("unfinished")
        _make(taught, size, unfinished)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return folder


def _make(taught: Path, size: Size, folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    known = json.loads((taught / "config.json").read_text(encoding="utf-8"))
    config = BertConfig(
        vocab_size=known["vocab_size"],
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.feed_forward,
        id2label={int(number): label for number, label in known["id2label"].items()},
        label2id=known["label2id"],
    )
    network = BertForSequenceClassification(config)
    # Biases set labels apart: random weights do so by so little that a build's gates would keep products from int8.
    torch.nn.init.normal_(network.classifier.bias)
    network.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(taught / name, folder)
