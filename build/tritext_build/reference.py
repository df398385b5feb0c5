"""The original: the checkpoint's torch model in FP32 behind transformers' own tokenizer, one text at a time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from .checkpoint import Checkpoint
from .runtime.classification import FUNCTIONS
from .tasks.task import Scores


class Reference:
    """What a served version is compared with. Each text is computed once and remembered."""

    def __init__(self, checkpoint: Checkpoint, model: torch.nn.Module, *, max_length: int) -> None:
        self._checkpoint = checkpoint
        self._model = model
        self._max_length = max_length
        self._known: dict[str, Scores] = {}

    def outputs(self, texts: Sequence[str]) -> tuple[Scores, Scores]:
        """Logits and scores, each FP32 [texts, labels]."""
        logits = np.concatenate([self._logits(text) for text in texts])
        return logits, FUNCTIONS[self._checkpoint.function_to_apply](logits)

    def decide(self, scores: Scores) -> npt.NDArray[np.int64]:
        """The task's decisions on scores [texts, labels]."""
        return self._checkpoint.task.decide(
            scores, self._checkpoint.function_to_apply, self._checkpoint.threshold
        )

    def _logits(self, text: str) -> Scores:
        if text not in self._known:
            encoded = self._checkpoint.tokenizer(
                text, truncation=True, max_length=self._max_length, return_tensors="pt"
            )
            inputs = {name: encoded[name] for name in self._checkpoint.input_names}
            with torch.inference_mode():
                self._known[text] = self._model(**inputs).logits.numpy()
        return self._known[text]
