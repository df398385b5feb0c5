"""The base checkpoint: its tokenizer, its limits, and the model with a fresh head.

The one boundary to transformers' loading: whatever it cannot load is one sentence.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tritext.checkpoints import locate, sha256, transformer_folder
from tritext_training.errors import BaseUnusable, LayersNotFound, MaxLengthTooLong

_NO_LIMIT = 10**6


@dataclass(frozen=True, kw_only=True)
class Base:
    """A checkpoint to start from, found and identified, its tokenizer loaded."""

    source: str
    folder: Path
    sha256: str
    tokenizer: PreTrainedTokenizerFast
    layers: int | None = None
    """Of the encoder's layers only so many are kept; None keeps all."""


def load_base(source: str, *, revision: str | None, layers: int | None = None) -> Base:
    """Find the checkpoint `source` and load its tokenizer, which must be a fast one (have a `tokenizer.json`)."""
    folder = transformer_folder(locate(source, revision=revision))
    with _loading(source):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        reason = "it has no fast tokenizer (tokenizer.json), which serving needs"
        raise BaseUnusable(source=source, reason=reason)
    weights = sorted(folder.glob("*.safetensors"))
    return Base(source=source, folder=folder, sha256=sha256(weights[0]), tokenizer=tokenizer, layers=layers)


def load_model(base: Base, head: Any, **settings: Any) -> PreTrainedModel:
    """The base's encoder in fp32 under the `head` (an `AutoModelFor…`), `settings` going into its configuration."""
    with _loading(base.source):
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=False)
        for name, value in settings.items():
            setattr(config, name, value)
        model: PreTrainedModel = head.from_pretrained(
            base.folder, config=config, ignore_mismatched_sizes=True, trust_remote_code=False, dtype="float32"
        )
    if base.layers is not None:
        _keep_layers(model, base.layers, source=base.source)
    return model


def _keep_layers(model: PreTrainedModel, layers: int, *, source: str) -> None:
    """Leave out all but `layers` layers: the first, the last and those evenly between them are kept."""
    there = int(model.config.num_hidden_layers)
    stacks = [
        (module, name)
        for module in model.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == there
    ]
    if layers > there or len(stacks) != 1:
        raise LayersNotFound(source=source, layers=layers, there=there)
    (module, name), kept = stacks[0], [round(at) for at in np.linspace(0, there - 1, layers)]
    setattr(module, name, nn.ModuleList(getattr(module, name)[at] for at in kept))
    model.config.num_hidden_layers = layers
    kinds = getattr(model.config, "layer_types", None)  # of families whose layers differ
    if kinds:
        model.config.layer_types = [kinds[at] for at in kept]


def load_classifier(
    base: Base,
    *,
    labels: tuple[str, ...],
    head: Any = AutoModelForSequenceClassification,
    problem_type: str | None = None,
) -> PreTrainedModel:
    """The base's encoder under a new classification head, one output per label."""
    names = dict(enumerate(labels))
    indices = {label: index for index, label in names.items()}
    return load_model(base, head, id2label=names, label2id=indices, problem_type=problem_type)


def start_at_priors(model: PreTrainedModel, log_odds: Sequence[float]) -> None:
    """Let the untrained head predict each label's frequency, by its last layer's bias (Lin et al. 2017, 3.3).

    Otherwise the first updates push the encoder's own weights about, only to make rare labels unlikely.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    outputs = [layer for layer in layers if layer.out_features == len(log_odds) and layer.bias is not None]
    if outputs:
        outputs[-1].bias.data.copy_(torch.tensor(log_odds))


def fitting_max_length(base: Base, model: PreTrainedModel, wanted: int | None, *, default: int) -> int:
    """The number of tokens to read: as wanted, if the model has so many positions, else at most `default`."""
    limit = min(_positions(model), base.tokenizer.model_max_length)
    if wanted is None:
        return min(limit, default)
    if wanted > limit:
        raise MaxLengthTooLong(max_length=wanted, limit=limit, source=base.source)
    return wanted


def _positions(model: PreTrainedModel) -> int:
    """Learned positions end at the table's size, less those that RoBERTa's family keeps for padding."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return int(getattr(model.config, "max_position_embeddings", None) or _NO_LIMIT)


@contextmanager
def _loading(source: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise BaseUnusable(source=source, reason=_first_sentence(error)) from error


def _first_sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
