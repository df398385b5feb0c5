"""A network of BERT-base's size for the same tokenizer and labels; its weights are random, which serves for speed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from comparison.parts import Subject


def subject(small: Subject) -> Subject:
    """The same comparison of a larger checkpoint, made on first use."""
    work = small.work.parent / "base"
    folder = work / "bert-base-random"
    if not (folder / "model.safetensors").is_file():
        _make(small, work / "unfinished")
        shutil.rmtree(folder, ignore_errors=True)
        (work / "unfinished").rename(folder)
    return replace(small, checkpoint=folder, work=work, eval_data=None)


def _make(small: Subject, folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    taught = json.loads((small.checkpoint / "config.json").read_text(encoding="utf-8"))
    config = BertConfig(
        vocab_size=taught["vocab_size"],
        id2label={int(number): label for number, label in taught["id2label"].items()},
        label2id=taught["label2id"],
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(small.checkpoint / name, folder)
