"""Features to a checkpoint's outputs, loaded from disk as its users will load it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from tritext.console import err
from tritext_training import encoding
from tritext_training.encoding import Texts

Floats = npt.NDArray[np.float32]
Logits = Floats

Read = Callable[[Any, Mapping[str, Any]], Any]
"""A batch's outputs, and the batch, to one result per row."""


def tokenizer_of(checkpoint: Path) -> PreTrainedTokenizerFast:
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    fast: PreTrainedTokenizerFast = tokenizer
    return fast


class Scorer:
    """A checkpoint, loaded once, to score with again and again.

    Attributes:
        model: The model under `head` (transformers' `AutoModelFor…` of the task).
        tokenizer: The checkpoint's own.
    """

    def __init__(self, checkpoint: Path, head: Any) -> None:
        self.tokenizer = tokenizer_of(checkpoint)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = head.from_pretrained(checkpoint).eval().to(self.device)

    def outputs(
        self, features: Sequence[dict[str, Any]], *, read: Read, batch_size: int = 32, what: str = "Testing"
    ) -> list[Any]:
        """What `read` makes of the model's outputs, one result per row, in the order of `features`.

        Rows of like length are scored together, which is several times faster than in their own order.

        Args:
            features: Token ids per row, of any lengths.
            read: Takes what is wanted out of a batch's outputs.
            batch_size: Rows scored together.
            what: Said beside the progress bar.
        """
        order = sorted(range(len(features)), key=lambda row: len(features[row]["input_ids"]))
        results: list[Any] = [None] * len(features)
        starts = range(0, len(order), batch_size)
        for start in track(
            starts, description=what, console=err, transient=True, disable=not err.is_terminal
        ):
            rows = order[start : start + batch_size]
            batch = self.tokenizer.pad([features[row] for row in rows], return_tensors="pt").to(self.device)
            with torch.inference_mode():
                for row, result in zip(rows, read(self.model(**batch), batch), strict=True):
                    results[row] = result
        return results

    def logits(self, texts: Texts, *, max_length: int, what: str = "Testing") -> Logits:
        """A sequence classifier's logits, FP32 `[len(texts), outputs]`, rows in the order of `texts`."""
        features = encoding.features(self.tokenizer, texts, max_length=max_length)
        return np.stack(self.outputs(features, read=logits_of, what=what))


def outputs(checkpoint: Path, features: Sequence[dict[str, Any]], *, head: Any, read: Read) -> list[Any]:
    """What `read` makes of the outputs of a checkpoint, one result per row."""
    return Scorer(checkpoint, head).outputs(features, read=read)


def logits(checkpoint: Path, texts: Texts, *, max_length: int, what: str = "Testing") -> Logits:
    """A sequence classifier's logits, FP32 `[len(texts), outputs]`, rows in the order of `texts`."""
    return Scorer(checkpoint, AutoModelForSequenceClassification).logits(
        texts, max_length=max_length, what=what
    )


def logits_of(output: Any, batch: Mapping[str, Any]) -> Logits:
    del batch
    scores: Logits = output["logits"].float().cpu().numpy()
    return scores


def starts_and_ends_of(output: Any, batch: Mapping[str, Any]) -> Logits:
    """Start and end logits, `[2, tokens]` a row."""
    del batch
    both = torch.stack([output["start_logits"], output["end_logits"]], dim=1)
    scores: Logits = both.float().cpu().numpy()
    return scores


def softmax(scores: Logits) -> Logits:
    """Along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Logits = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(scores: Logits) -> Logits:
    """Element by element, without overflow: (1 + tanh(x/2)) / 2 is the logistic function."""
    result: Logits = (1 + np.tanh(scores / 2)) / 2
    return result
