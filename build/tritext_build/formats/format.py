"""What every format of a served graph can do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tritext_build.graph import ServedGraph

Example = dict[str, npt.NDArray[np.int64]]
"""A few encoded rows of different lengths: the graph's inputs by name, INT64 [rows, max_length] (the task's own:
[rows, …])."""

RunGraph = Callable[[Example], dict[str, npt.NDArray[np.float32]]]
"""A loaded graph: inputs by name to outputs by name, FP32 [rows, …]."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A graph as it was written.

    Attributes:
        recipe: The way to its precision.
        unpadded: Whether it computes on real tokens only; otherwise all rows are as long as the longest of the batch.
    """

    recipe: str
    unpadded: bool


EXAMPLE_ROWS = 32
"""How many rows a format gets to trace the graph with, and to measure on, unless it wants more."""


class Format(Protocol):
    """A file format of Triton's, with the backend that runs it.

    Attributes:
        name: As on the command line.
        backend: Triton's name of the backend.
        filename: What the backend looks for in a version folder.
        precisions: Those that it can hold.
        example_rows: How many rows `exports` makes use of.
        spare_rows: How many rows more than a batch ever holds the backend is to believe possible.
    """

    @property
    def name(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def precisions(self) -> tuple[str, ...]: ...
    @property
    def example_rows(self) -> int: ...
    @property
    def spare_rows(self) -> int: ...

    def parameters(self, precision: str) -> Mapping[str, str]:
        """The backend's own settings for a precision, as its documentation names them."""
        ...

    def input_names(self, names: Sequence[str]) -> list[str]:
        """What the backend calls the graph's inputs."""
        ...

    def output_names(self, names: Sequence[str]) -> list[str]:
        """What the backend calls the graph's outputs."""
        ...

    def exports(self, graph: ServedGraph, example: Example, path: Path, precision: str) -> Iterator[Export]:
        """Write `graph` to `path`, the fastest way to `precision` first; going on replaces it by the next way."""
        ...

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        """Open the file in the runtime that the backend uses; `output_names` are the graph's, in its order."""
        ...
