"""The losses of sentence embeddings, over batches that hold first texts and then, in the same order, their pairs.

Knows vectors, no texts; its outputs are `embeddings`, unit vectors FP32 `[pairs, 2, hidden]`.
"""

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as connected
from torch.nn import functional
from transformers import PreTrainedModel

from tritext_training.pooling import pooled
from tritext_training.tasks import Batch, Objective

SCALE = 20.0
"""Of cosines before softmax: a temperature of 0.05."""


def own_pair_first(pooling: str) -> Objective:
    """Multiple negatives ranking loss: each text must find its own pair among those of its batch.

    Henderson et al. 2017, section 4.4, https://arxiv.org/abs/1705.00652; with cosines times `SCALE`, as
    sentence-transformers' MultipleNegativesRankingLoss has it. `labels` are `[pairs, 2]` numbers of the texts: the
    same text elsewhere in the batch is no negative.
    """

    def objective(model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        first, second = _embedded(model, batch, pooling)
        labels = batch["labels"]
        others, their_labels, start = _of_all_processes(second, labels)
        own = torch.arange(start, start + len(first), device=first.device)
        alike = (labels[:, None] == their_labels).any(dim=-1)
        alike[torch.arange(len(first)), own] = False
        cosines = (first @ others.T).masked_fill(alike, -1.0)
        return functional.cross_entropy(SCALE * cosines, own), _outputs(first, second)

    return objective


def matching_cosine(pooling: str) -> Objective:
    """Mean squared error of the pairs' cosines; `labels` are the right ones, `[pairs]`."""

    def objective(model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        first, second = _embedded(model, batch, pooling)
        cosines = (first * second).sum(dim=-1)
        return functional.mse_loss(cosines, batch["labels"].to(cosines.dtype)), _outputs(first, second)

    return objective


def _embedded(model: PreTrainedModel, batch: Batch, pooling: str) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    vectors = pooled(model(**inputs).last_hidden_state, inputs["attention_mask"], pooling)
    first, second = vectors.chunk(2)
    return first, second


def _of_all_processes(vectors: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The pairs of the whole batch, of which each process holds a share: vectors, labels, and where its own begin.

    Gradients flow back to the process that a vector came from.
    """
    if not (dist.is_initialized() and torch.is_grad_enabled()):
        return vectors, labels, 0
    counts = [torch.zeros(1, dtype=torch.long, device=labels.device) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, torch.tensor([len(labels)], device=labels.device))
    sizes = [int(count) for count in counts]
    missing = max(sizes) - len(labels)  # shares of unequal size are filled up to be exchanged
    filled = functional.pad(vectors, (0, 0, 0, missing))
    all_vectors = connected.all_gather(filled)  # type: ignore[no-untyped-call]
    all_labels = [torch.empty(max(sizes), 2, dtype=labels.dtype, device=labels.device) for _ in sizes]
    dist.all_gather(all_labels, functional.pad(labels, (0, 0, 0, missing)))
    return (
        torch.cat([each[:size] for each, size in zip(all_vectors, sizes, strict=True)]),
        torch.cat([each[:size] for each, size in zip(all_labels, sizes, strict=True)]),
        sum(sizes[: dist.get_rank()]),
    )


def _outputs(first: torch.Tensor, second: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"embeddings": torch.stack([first, second], dim=1)}
