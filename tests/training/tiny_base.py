"""A throw-away BERT of a few thousand random weights with its own vocabulary, and little data sets it can learn."""

import csv
import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROLES = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"]
TOPICS = {
    "fruit": ["apple", "pear", "plum", "cherry"],
    "metal": ["iron", "copper", "zinc", "silver"],
    "river": ["rhine", "nile", "volga", "congo"],
}
FILLERS = ["the", "a", "some", "very", "old", "new", "my", "your", "i", "see", "want", "lost"]
MAX_POSITIONS = 48


def make_tiny_base(folder: Path, *, weight: float | None = None) -> Path:
    """Save the checkpoint into `folder`; `weight` overwrites every weight of the embeddings (NaN breaks the loss)."""
    words = [*SPECIAL, *FILLERS, *(word for topic in TOPICS.values() for word in topic)]
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token=SPECIAL[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        **dict(zip(ROLES, SPECIAL, strict=True)),
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(words),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=MAX_POSITIONS,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )
    if weight is not None:
        torch.nn.init.constant_(model.embeddings.word_embeddings.weight, weight)
    model.save_pretrained(folder)
    return folder


def write_topics(path: Path, *, rows: int, seed: int, flipped: bool = False) -> Path:
    """A CSV file `text,label`: the label is the topic of the one word that is no filler."""
    chance = random.Random(seed)
    names = list(TOPICS)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(rows):
            topic = names[row % len(names)]
            words = [*chance.choices(FILLERS, k=chance.randint(2, 12)), chance.choice(TOPICS[topic])]
            chance.shuffle(words)
            label = names[(row + 1) % len(names)] if flipped else topic
            writer.writerow([f"{' '.join(words)} {row}", label])
    return path


def write_several_topics(path: Path, *, rows: int, seed: int) -> Path:
    """A JSON list of `text` and `labels`: any number of topics a row, none among them."""
    chance = random.Random(seed)
    records = []
    for row in range(rows):
        topics = [topic for topic in TOPICS if chance.random() < 0.4]
        words = [*chance.choices(FILLERS, k=3), *(chance.choice(TOPICS[topic]) for topic in topics)]
        chance.shuffle(words)
        records.append({"text": f"{' '.join(words)} {row}", "labels": topics})
    path.write_text(json.dumps(records), encoding="utf-8")
    return path
