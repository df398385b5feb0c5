"""Logits to grades: the higher the number, the better the grade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..requests import Tensors, array_of, as_results  # noqa: TID252 - copied, as rows.py is

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


class Answers:
    def __init__(self, *, grades: Sequence[str]) -> None:
        self._grades = grades

    def read(self, request: pb_utils.InferenceRequest) -> npt.NDArray[np.float32]:
        return array_of(request, "logits")[:, 0]

    def answer(self, numbers: npt.NDArray[np.float32]) -> Tensors:
        steps = np.clip(np.round(numbers), 0, len(self._grades) - 1).astype(int)
        return {"RESULT": as_results([{"grade": self._grades[step]} for step in steps])}
