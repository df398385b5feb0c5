"""The module that becomes the served graph: token ids in, logits and scores out."""

from collections.abc import Sequence

import torch

LOGITS = "logits"
PROBABILITIES = "probabilities"
OUTPUTS = (LOGITS, PROBABILITIES)
"""Two outputs for two uses: Triton dead-locks when one tensor is both answered and fed to a later step."""


class ServedGraph(torch.nn.Module):
    """A classifier with its scores inside the graph.

    `forward` takes the model's inputs in the order of `input_names`, each INT64 [batch, length], and returns
    logits and probabilities, both FP32 [batch, labels], whatever precision the model computes in.
    """

    def __init__(self, model: torch.nn.Module, *, input_names: Sequence[str], function_to_apply: str) -> None:
        super().__init__()
        self.model = model
        self.input_names = tuple(input_names)
        self.function_to_apply = function_to_apply

    def with_model(self, model: torch.nn.Module) -> "ServedGraph":
        """The same graph around another model."""
        return ServedGraph(model, input_names=self.input_names, function_to_apply=self.function_to_apply)

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model(**dict(zip(self.input_names, inputs, strict=True))).logits.float()
        return logits, self._scores(logits)

    def _scores(self, logits: torch.Tensor) -> torch.Tensor:
        if self.function_to_apply == "softmax":
            return torch.softmax(logits, dim=-1)
        if self.function_to_apply == "sigmoid":
            return torch.sigmoid(logits)
        return logits.clone()


class TrimmedGraph(torch.nn.Module):
    """Cuts the fixed-width rows to the longest row of the batch before `graph` computes on them.

    Rows are padded on the right, so the columns that are cut hold padding only.
    """

    def __init__(self, graph: ServedGraph) -> None:
        super().__init__()
        self.graph = graph
        self.mask = graph.input_names.index("attention_mask")

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        longest = inputs[self.mask].sum(dim=1).max()
        logits, probabilities = self.graph(*(tensor[:, :longest] for tensor in inputs))
        return logits, probabilities
