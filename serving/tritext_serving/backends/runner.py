"""What runs a loaded model: arrays in, arrays out. Knows neither Triton nor a library."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


class Runner(ABC):
    """One loaded model."""

    @abstractmethod
    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        """The named outputs, in that order, for inputs that share their first dimension where the model batches."""
