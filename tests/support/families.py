"""Throw-away checkpoints of every family and head: random weights, each family's own tokenizer class, vocabularies learnt on the spot.

`make(folder, family="roberta", head="token-classification")` writes one in well under a second. It knows the
families; what a build makes of them it refuses to know.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AlbertTokenizer,
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertTokenizer,
    CamembertTokenizer,
    DebertaTokenizer,
    DebertaV2Tokenizer,
    DistilBertTokenizer,
    MPNetTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaTokenizer,
    XLMRobertaTokenizer,
)

from tests.support.sentence_files import SentenceFiles

GATE_TEXTS = Path(__file__).parents[2] / "build" / "tritext_build" / "gate_texts.jsonl"

MAX_LENGTH = 64
VOCABULARY_SIZE = 600

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
MPNET = ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")
CAMEMBERT = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>")
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
DEBERTA = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")


def gate_texts() -> list[str]:
    """The texts that every build is checked on: many lengths and scripts."""
    lines = GATE_TEXTS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


# ---- vocabularies: what the tokenizer's class wants to be made of


@cache
def wordpiece(special: tuple[str, ...], *, lowercase: bool) -> dict[str, Any]:
    """`vocab` of a WordPiece tokenizer, learnt from the gate texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=list(special), show_progress=False
    )
    tokens = _ordered(_learnt(tokenizer, trainer)["vocab"], special)
    return {"vocab": {token: index for index, token in enumerate(tokens)}}


@cache
def byte_bpe(special: tuple[str, ...]) -> dict[str, Any]:
    """`vocab` and `merges` of a byte-level BPE tokenizer, learnt from the gate texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model = _learnt(tokenizer, trainer)
    return {"vocab": model["vocab"], "merges": [tuple(pair) for pair in model["merges"]]}


@cache
def unigram(special: tuple[str, ...], *, unknown: str) -> dict[str, Any]:
    """`vocab` of a SentencePiece-style Unigram tokenizer, learnt from the gate texts."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=list(special), unk_token=unknown, show_progress=False
    )
    text = "▁".join(["", *" ".join(gate_texts()).split()])
    pieces = _ordered((piece for piece, _ in _learnt(tokenizer, trainer)["vocab"]), special)
    scores = [0.0 if piece in special else math.log((1 + text.count(piece)) / len(text)) for piece in pieces]
    return {"vocab": list(zip(pieces, scores, strict=True))}


def _ordered(tokens: Iterable[str], special: Sequence[str]) -> list[str]:
    """The trainers find the same tokens in every run, but in another order, with slightly other scores."""
    return [*special, *sorted(set(tokens) - set(special))]


def _learnt(tokenizer: Tokenizer, trainer: Any) -> dict[str, Any]:
    tokenizer.train_from_iterator(gate_texts(), trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


def vocabulary_of(folder: Path) -> dict[str, Any]:
    """The same out of a folder with `vocab.txt`, or with `vocab.json` and `merges.txt`."""
    if (folder / "vocab.txt").is_file():
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        return {"vocab": {token: index for index, token in enumerate(lines)}}
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    return {
        "vocab": json.loads((folder / "vocab.json").read_text(encoding="utf-8")),
        "merges": [tuple(line.split(" ")) for line in merges if line and not line.startswith("#version")],
    }


class ModernBertTokenizer(PreTrainedTokenizerFast):
    """ModernBERT has no tokenizer class of its own: byte-level BPE between BERT's special tokens."""

    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012 - as transformers declares it

    def __init__(self, vocab: dict[str, int], merges: list[tuple[str, str]], **settings: Any) -> None:
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(token, vocab[token]) for token in ("[CLS]", "[SEP]")],
        )
        names = ("pad_token", "unk_token", "cls_token", "sep_token")
        super().__init__(  # type: ignore[no-untyped-call]
            tokenizer_object=tokenizer,
            mask_token=AddedToken("[MASK]", lstrip=True, special=True),
            **dict(zip(names, BERT, strict=False)),
            **settings,
        )


# ---- families


@dataclass(frozen=True, kw_only=True)
class Family:
    """An architecture with a tokenizer as its checkpoints have them.

    Attributes:
        model_type: transformers' name of the architecture.
        tokenizer: Called with the vocabulary and settings of a tokenizer.
        vocabulary: Learns the vocabulary.
        tokenizer_settings: Besides vocabulary and length.
        config: Settings of the architecture besides its sizes.
        reserved_positions: Rows of the position table that no token uses.
    """

    model_type: str
    tokenizer: Callable[..., PreTrainedTokenizerFast]
    vocabulary: Callable[[], dict[str, Any]]
    tokenizer_settings: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    reserved_positions: int = 0


def _bert(**tokenizer_settings: Any) -> Family:
    lowercase = tokenizer_settings.get("do_lower_case", True)
    return Family(
        model_type="bert",
        tokenizer=BertTokenizer,
        vocabulary=lambda: wordpiece(BERT, lowercase=lowercase),
        tokenizer_settings=tokenizer_settings,
    )


def _deberta_v2(**config: Any) -> Family:
    """Relative positions only: no position table, and `max_position_embeddings` bounds nothing."""
    relative = {
        "relative_attention": True,
        "position_biased_input": False,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 8,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "type_vocab_size": 0,
    }
    return Family(
        model_type="deberta-v2",
        tokenizer=DebertaV2Tokenizer,
        vocabulary=lambda: unigram(DEBERTA, unknown="[UNK]"),
        config={**relative, **config},
    )


FAMILIES: dict[str, Family] = {
    "bert": _bert(),
    "bert-cased": _bert(do_lower_case=False),
    "bert-multilingual": _bert(do_lower_case=False, strip_accents=False),
    "bert-chinese": _bert(do_lower_case=False, tokenize_chinese_chars=True),
    "roberta": Family(
        model_type="roberta",
        tokenizer=RobertaTokenizer,
        vocabulary=lambda: byte_bpe(ROBERTA),
        config={"type_vocab_size": 1},
        reserved_positions=2,
    ),
    "xlm-roberta": Family(
        model_type="xlm-roberta",
        tokenizer=XLMRobertaTokenizer,
        vocabulary=lambda: unigram(ROBERTA, unknown="<unk>"),
        config={"type_vocab_size": 1},
        reserved_positions=2,
    ),
    "camembert": Family(
        model_type="camembert",
        tokenizer=CamembertTokenizer,
        vocabulary=lambda: unigram(CAMEMBERT, unknown="<unk>"),
        config={"type_vocab_size": 1},
        reserved_positions=2,
    ),
    "distilbert": Family(
        model_type="distilbert",
        tokenizer=DistilBertTokenizer,
        vocabulary=lambda: wordpiece(BERT, lowercase=True),
        config={"hidden_dim": 64},
    ),
    "electra": Family(
        model_type="electra",
        tokenizer=BertTokenizer,
        vocabulary=lambda: wordpiece(BERT, lowercase=True),
        config={"embedding_size": 16},
    ),
    "albert": Family(
        model_type="albert",
        tokenizer=AlbertTokenizer,
        vocabulary=lambda: unigram(ALBERT, unknown="<unk>"),
        # Said in the checkpoint, since releases of transformers differ in whether its tokenizer fills the types.
        tokenizer_settings={"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
        config={"embedding_size": 16},
    ),
    "mpnet": Family(
        model_type="mpnet",
        tokenizer=MPNetTokenizer,
        vocabulary=lambda: wordpiece(MPNET, lowercase=True),
        reserved_positions=2,
    ),
    "deberta": Family(
        model_type="deberta",
        tokenizer=DebertaTokenizer,
        vocabulary=lambda: byte_bpe(DEBERTA),
        config={
            "relative_attention": True,
            "position_biased_input": False,
            "pos_att_type": ["c2p", "p2c"],
            "type_vocab_size": 0,
        },
    ),
    "deberta-v2": _deberta_v2(conv_kernel_size=3, conv_act="gelu"),
    "deberta-v3": _deberta_v2(),
    "modernbert": Family(
        model_type="modernbert",
        tokenizer=ModernBertTokenizer,
        vocabulary=lambda: byte_bpe(BERT),
        # One layer sees everything, the next only eight tokens to either side.
        config={"local_attention": 16, "layer_types": ["full_attention", "sliding_attention"]},
    ),
}


# ---- heads


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a checkpoint answers: transformers' class that has it, its labels and settings."""

    auto_model: Any
    labels: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)


def _classifier(*labels: str, problem_type: str | None = None) -> Head:
    return Head(
        auto_model=AutoModelForSequenceClassification, labels=labels, config={"problem_type": problem_type}
    )


HEADS: dict[str, Head] = {
    "single-label": _classifier("calm", "cross", "curious", problem_type="single_label_classification"),
    "multi-label": _classifier("late", "broken", "dear", "kind", problem_type="multi_label_classification"),
    "regression": _classifier("LABEL_0", problem_type="regression"),
    "nli": _classifier("contradiction", "neutral", "entailment"),
    "cross-encoder": _classifier("LABEL_0"),
    "token-classification": Head(
        auto_model=AutoModelForTokenClassification, labels=("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    ),
    "question-answering": Head(auto_model=AutoModelForQuestionAnswering),
    "fill-mask": Head(auto_model=AutoModelForMaskedLM),
    "encoder": Head(auto_model=AutoModel),
}


# ---- making


def make(
    folder: Path,
    *,
    family: str = "bert",
    head: str = "single-label",
    labels: Sequence[str] | None = None,
    max_length: int = MAX_LENGTH,
    vocabulary: Path | None = None,
    sentences: SentenceFiles | None = None,
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write a checkpoint with random weights into `folder`, as `save_pretrained` does.

    Args:
        labels: Instead of the head's own.
        max_length: The longest text in tokens, special tokens included.
        vocabulary: A folder to read the vocabulary from, instead of learning one.
        sentences: What sentence-transformers writes beside an encoder; plain mean pooling unless given.
        **config: Settings that win over the family's and the head's.
    """
    kind, top = FAMILIES[family], HEADS[head]
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(kind, max_length=max_length, vocabulary=vocabulary)
    names = list(top.labels if labels is None else labels)
    labelled = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    settings = {
        **_sizes(tokenizer, max_length + kind.reserved_positions),
        **kind.config,
        **top.config,
        **(labelled if names else {}),
        **config,
    }
    model = top.auto_model.from_config(AutoConfig.for_model(kind.model_type, **settings))
    save(folder, model, tokenizer)
    if head == "encoder":
        (sentences or SentenceFiles()).write(folder, hidden_size=32, max_length=max_length)
    return folder


def make_tokenizer(
    family: Family, *, max_length: int = MAX_LENGTH, vocabulary: Path | None = None
) -> PreTrainedTokenizerFast:
    learnt = vocabulary_of(vocabulary) if vocabulary else family.vocabulary()
    return family.tokenizer(**learnt, model_max_length=max_length, **family.tokenizer_settings)


def save(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    sharpen(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def sharpen(model: PreTrainedModel) -> None:
    """Random heads answer nearly the same to everything; larger weights make answers that differ.

    A layer of n inputs keeps the size of what goes through it with weights of 1/√n; heads have three times that.
    Tables come last, since heads may share theirs: they are looked up and normalised, so one scale fits all.
    """
    modules = list(model.named_modules())
    with torch.no_grad():
        for name, module in modules:
            if isinstance(module, torch.nn.Linear | torch.nn.Conv1d):
                head = "pooler" in name or not name.startswith(f"{model.base_model_prefix}.")
                module.weight.normal_(std=(3 if head else 1) * module.weight[0].numel() ** -0.5)
        for _, module in modules:
            if isinstance(module, torch.nn.Embedding):
                module.weight.normal_()


def _sizes(tokenizer: PreTrainedTokenizerFast, positions: int) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": positions,
        **{
            f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
            for name in ("pad", "bos", "eos", "cls", "sep")
        },
    }
