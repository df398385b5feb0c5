"""What every format of a served graph can do."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tritext_build.graph import ServedGraph

RunGraph = Callable[[dict[str, npt.NDArray[np.int64]]], dict[str, npt.NDArray[np.float32]]]
"""A loaded graph: inputs by name, INT64 [batch, max_length] (the task's own: [batch, …]), to outputs by name, FP32
[batch, …]."""


EXAMPLE_ROWS = 32
"""How many rows a format gets to trace the graph with, and to measure on, unless it wants more."""


class Format(Protocol):
    """A file format of Triton's, with the backend that runs it.

    Attributes:
        name: As on the command line.
        backend: Triton's name of the backend.
        filename: What the backend looks for in a version folder.
        recipes: Precision to the ways of reaching it, the fastest first; a build takes the first whose gates
            hold.
        example_rows: How many rows `export` makes use of.
        spare_rows: How many rows more than a batch ever holds the backend is to believe possible.
    """

    @property
    def name(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def recipes(self) -> Mapping[str, tuple[str, ...]]: ...
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

    def export(
        self, graph: ServedGraph, example: dict[str, npt.NDArray[np.int64]], path: Path, recipe: str
    ) -> None:
        """Write `graph` to `path`; `example` are a few encoded rows of different lengths."""
        ...

    def load(self, path: Path, output_names: Sequence[str]) -> RunGraph:
        """Open the file in the runtime that the backend uses; `output_names` are the graph's, in its order."""
        ...
