"""Text classification: one label of many (softmax), several labels at once (sigmoid), or a number (none)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import AutoModelForSequenceClassification, PretrainedConfig

from .task import Scores, Task


def function_to_apply(config: PretrainedConfig) -> str:
    """What the pipeline of transformers applies to the logits by default, found from the config as it does."""
    if config.problem_type == "regression":
        return "none"
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return "sigmoid"
    return "softmax"


def decide(scores: Scores, function: str, threshold: float) -> npt.NDArray[np.int64]:
    """The best label of each text [texts, 1]; with sigmoid, each label given or not [texts, labels]."""
    if function == "sigmoid":
        return (scores >= threshold).astype(np.int64)
    best: npt.NDArray[np.int64] = scores.argmax(axis=-1, keepdims=True)
    return best


def _settings(labels: Sequence[str], function: str) -> dict[str, Any]:
    return {"labels": list(labels), "function_to_apply": function}


TEXT_CLASSIFICATION = Task(
    name="text-classification",
    architecture_suffix="ForSequenceClassification",
    auto_model=AutoModelForSequenceClassification,
    function_to_apply=function_to_apply,
    postprocess_files={
        "model.py": "postprocess.py",
        "classification.py": "classification.py",
        "requests.py": "requests.py",
    },
    postprocess_settings=_settings,
    decide=decide,
)
