"""The module that becomes the served graph: token ids in, what clients and later steps need out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from .tasks.task import Blueprint, Head

if TYPE_CHECKING:
    from .checkpoint import Checkpoint


class ServedGraph(torch.nn.Module):
    """A transformers model with the task's head behind it.

    `forward` takes the model's inputs in the order of `input_names`, each INT64 [batch, length], then the
    task's own in the order of `extra_names`, each INT64 [batch, …], and returns FP32 tensors in the order of
    `output_names`, whatever precision the model computes in.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        head: Head,
        *,
        input_names: Sequence[str],
        extra_names: Sequence[str] = (),
        output_names: Sequence[str],
    ) -> None:
        super().__init__()
        self.model = model
        self.head = head
        self.input_names = tuple(input_names)
        self.extra_names = tuple(extra_names)
        self.output_names = tuple(output_names)

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every input, in the order of `forward`."""
        return (*self.input_names, *self.extra_names)

    def with_model(self, model: torch.nn.Module) -> "ServedGraph":
        """The same graph around another model."""
        return ServedGraph(
            model,
            self.head,
            input_names=self.input_names,
            extra_names=self.extra_names,
            output_names=self.output_names,
        )

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        named = dict(zip(self.all_names, inputs, strict=True))
        return self.head(self.model(**named), named)  # type: ignore[no-any-return]


class TrimmedGraph(torch.nn.Module):
    """Cuts the fixed-width rows to the longest row of the batch before `graph` computes on them.

    Rows are padded on the right, so the columns that are cut hold padding only.
    """

    def __init__(self, graph: ServedGraph) -> None:
        super().__init__()
        self.graph = graph
        self.mask = graph.input_names.index("attention_mask")

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        longest = inputs[self.mask].sum(dim=1).max()
        wide = len(self.graph.input_names)
        cut = (tensor[:, :longest] for tensor in inputs[:wide])
        outputs: tuple[torch.Tensor, ...] = self.graph(*cut, *inputs[wide:])
        return outputs


def served_graph(checkpoint: "Checkpoint", model: torch.nn.Module, blueprint: Blueprint) -> ServedGraph:
    """The graph of a checkpoint's model for the task that it was opened for."""
    return ServedGraph(
        checkpoint.task.prepare(model),
        checkpoint.task.head(checkpoint),
        input_names=checkpoint.input_names,
        extra_names=[tensor.name for tensor in blueprint.extra_inputs],
        output_names=[tensor.name for tensor in blueprint.graph_outputs],
    ).eval()


def tensors(rows: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, torch.Tensor]:
    """A graph's inputs as torch takes them."""
    return {name: torch.from_numpy(array) for name, array in rows.items()}
