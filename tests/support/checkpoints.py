"""Throw-away checkpoints: a tiny BERT with random weights and a vocabulary learnt from a handful of texts."""

from collections.abc import Sequence
from importlib.resources import files
from json import loads
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_LENGTH = 64


def gate_texts() -> list[str]:
    """The texts that every build is checked on: many lengths and scripts."""
    lines = (files("tritext_build") / "gate_texts.jsonl").read_text(encoding="utf-8").splitlines()
    return [loads(line) for line in lines]


def tiny_tokenizer(texts: Sequence[str], *, size: int = 600) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer as BERT's, with a vocabulary learnt from `texts`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def tiny_config(labels: Sequence[str], *, vocab_size: int, problem_type: str) -> BertConfig:
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_LENGTH,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        problem_type=problem_type,  # type: ignore[arg-type]
    )


def sharpen(model: PreTrainedModel) -> None:
    """Random heads answer nearly the same to everything; larger weights make answers that differ."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith(("classifier", "bert.pooler")) and weight.dim() > 1:
                weight.normal_(std=1.0)


def make_checkpoint(
    folder: Path,
    *,
    labels: Sequence[str] = ("calm", "cross", "curious"),
    problem_type: str = "single_label_classification",
    seed: int = 0,
) -> Path:
    """Write a classifier with random weights into `folder`, as `save_pretrained` does."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer(gate_texts())
    config = tiny_config(labels, vocab_size=len(tokenizer), problem_type=problem_type)
    save(folder, BertForSequenceClassification(config), tokenizer)
    return folder


def save(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    sharpen(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
