"""Token vectors to a sentence's embedding, inside the graph. Knows what a checkpoint declares, not the files where it does.

Each module computes what the module of the same name in sentence-transformers computes, on rows that are padded on
the right: https://sbert.net/docs/package_reference/sentence_transformer/modules.html.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors.torch import load_file
from torch import Tensor

from .sentence_modules import DenseLayer, SentenceModules

TINY = 1e-9
"""What a row without tokens divides by."""


def cls(tokens: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG001
    return tokens[:, 0]


def greatest(tokens: Tensor, mask: Tensor) -> Tensor:
    return tokens.masked_fill(mask == 0, float("-inf")).amax(dim=1)


def mean(tokens: Tensor, mask: Tensor) -> Tensor:
    return (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=TINY)


def mean_by_square_root(tokens: Tensor, mask: Tensor) -> Tensor:
    return (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=TINY).sqrt()


def weighted_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Each token weighs as much as its position, counted from one."""
    return mean(tokens, mask * mask.cumsum(dim=1))


def last_token(tokens: Tensor, mask: Tensor) -> Tensor:
    last = (mask.cumsum(dim=1) == mask.sum(dim=1, keepdim=True)) * mask
    return (tokens * last).sum(dim=1)


POOLING: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "cls": cls,
        "max": greatest,
        "mean": mean,
        "mean_sqrt_len_tokens": mean_by_square_root,
        "weightedmean": weighted_mean,
        "lasttoken": last_token,
    }
)
"""Pooling modes by sentence-transformers' names: vectors [rows, length, hidden] and a mask [rows, length, 1], both
FP32, to [rows, hidden]."""


class Pooling(torch.nn.Module):
    """One vector a row out of its tokens' vectors; several modes stand one behind the other."""

    def __init__(self, modes: Sequence[str]) -> None:
        super().__init__()
        self.modes = tuple(modes)

    def forward(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors FP32 [rows, length, hidden] and INT64 [rows, length] to FP32 [rows, hidden · modes]."""
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        return torch.cat([POOLING[mode](tokens, mask) for mode in self.modes], dim=-1)


class Normalize(torch.nn.Module):
    """Each row divided by its Euclidean length."""

    def forward(self, embeddings: Tensor) -> Tensor:
        return torch.nn.functional.normalize(embeddings, dim=-1)


class Sentence(torch.nn.Module):
    """All that stands behind an encoder: pooling, dense layers, normalisation."""

    def __init__(self, modules: SentenceModules) -> None:
        super().__init__()
        self.pooling = Pooling(modules.pooling)
        behind = [*map(dense, modules.dense), *([Normalize()] if modules.normalize else [])]
        self.behind = torch.nn.Sequential(*behind)

    def forward(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors FP32 [rows, length, hidden] and INT64 [rows, length] to embeddings, FP32 [rows, dimensions]."""
        embeddings: Tensor = self.behind(self.pooling(tokens, attention_mask))
        return embeddings


def dense(layer: DenseLayer) -> torch.nn.Module:
    """A layer with its weights."""
    linear = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias)
    weights = _read(layer.weights)
    linear.load_state_dict({name.removeprefix("linear."): weight for name, weight in weights.items()})
    activation: type[torch.nn.Module] = getattr(torch.nn, layer.activation)
    return torch.nn.Sequential(linear, activation())


def _read(path: Path) -> dict[str, Tensor]:
    """Of a pickle, which is there only where the user allowed it, torch reads tensors and no code."""
    if path.suffix == ".safetensors":
        return load_file(path)
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
