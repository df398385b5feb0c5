"""The losses of sentence embeddings, over batches that hold first texts and then, in the same order, their pairs.

Knows vectors, no texts; its outputs are `embeddings`, unit vectors FP32 `[pairs, 2, hidden]`.
"""

import torch
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
        texts, pairs = batch["labels"].unbind(dim=1)
        alike = (texts[:, None] == texts) | (pairs[:, None] == pairs)
        alike.fill_diagonal_(fill_value=False)
        cosines = (first @ second.T).masked_fill(alike, -1.0)
        own = torch.arange(len(first), device=first.device)
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


def _outputs(first: torch.Tensor, second: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"embeddings": torch.stack([first, second], dim=1)}
