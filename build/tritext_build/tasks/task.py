"""What the build must know of a task; one instance per task, in a module of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import PretrainedConfig

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task by Hugging Face's name.

    Attributes:
        architecture_suffix: How the class names of its models end.
        auto_model: transformers' class that loads them.
        function_to_apply: Config to "softmax", "sigmoid" or "none".
        postprocess_files: The Python files of the postprocess step: name there to name in `runtime/`.
        postprocess_settings: Labels and function to the settings of that step.
        decide: Scores [texts, labels], function and threshold to decisions [texts, n] that two models can agree on.
    """

    name: str
    architecture_suffix: str
    auto_model: Any
    function_to_apply: Callable[[PretrainedConfig], str]
    postprocess_files: dict[str, str]
    postprocess_settings: Callable[[Sequence[str], str], dict[str, Any]]
    decide: Callable[[Scores, str, float], npt.NDArray[np.int64]]
