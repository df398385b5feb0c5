"""The original: the checkpoint's torch model in FP32 behind transformers' own tokenizer, one line at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .checkpoint import Checkpoint
from .graph import ServedGraph
from .runtime.encoding import Line
from .tasks.task import Row


class Reference:
    """What a served version is compared with. Each line is computed once and remembered."""

    def __init__(self, checkpoint: Checkpoint, graph: ServedGraph, *, max_length: int) -> None:
        self._checkpoint = checkpoint
        self._graph = graph
        self._max_length = max_length
        self._known: dict[Line, Row] = {}

    def rows(self, lines: Sequence[Line]) -> list[Row]:
        """The graph's outputs for each line; what is too long is cut."""
        return [self._row(line) for line in lines]

    def table(self, lines: Sequence[Line], name: str) -> npt.NDArray[Any]:
        """One output of fixed size for all lines: FP32 [lines, …]."""
        return np.stack([row[name] for row in self.rows(lines)])

    def _row(self, line: Line) -> Row:
        if line not in self._known:
            # Lists of one text each, since the tokenizer takes an empty second text alone for none.
            texts = ([line],) if isinstance(line, str) else ([line[0]], [line[1]])
            task = self._checkpoint.task
            encoded = self._checkpoint.tokenizer(
                *texts, truncation=task.truncate, max_length=self._max_length, return_tensors="np"
            )
            extra = task.extra_inputs(self._checkpoint, encoded["input_ids"])
            inputs = {**encoded, **extra}
            tensors = (torch.from_numpy(inputs[name].astype(np.int64)) for name in self._graph.all_names)
            with torch.inference_mode():
                outputs = self._graph(*tensors)
            named = zip(self._graph.output_names, outputs, strict=True)
            self._known[line] = {name: output[0].numpy() for name, output in named}
        return self._known[line]
