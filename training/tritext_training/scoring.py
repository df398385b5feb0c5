"""Features to a checkpoint's outputs, loaded from disk as its users will load it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from tritext.console import err
from tritext_training import encoding
from tritext_training.encoding import Features, Texts

Floats = npt.NDArray[np.float32]
Logits = Floats

Read = Callable[[Any, Mapping[str, Any]], Any]
"""A batch's outputs, and the batch, to one result per row."""


def tokenizer_of(checkpoint: Path) -> PreTrainedTokenizerFast:
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    fast: PreTrainedTokenizerFast = tokenizer
    return fast


def outputs(
    checkpoint: Path, features: Features, *, head: Any, read: Read, batch_size: int = 32
) -> list[Any]:
    """What `read` makes of the model's outputs, one result per row, in the order of `features`.

    Rows of like length are scored together, which is several times faster than in their own order.

    Args:
        checkpoint: The folder.
        features: Token ids per row, of any lengths.
        head: transformers' `AutoModelFor…` of the task.
        read: Takes what is wanted out of a batch's outputs.
        batch_size: Rows scored together.
    """
    tokenizer = tokenizer_of(checkpoint)
    model = head.from_pretrained(checkpoint).eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    order = sorted(range(len(features)), key=lambda row: len(features[row]["input_ids"]))
    results: list[Any] = [None] * len(features)
    starts = range(0, len(order), batch_size)
    for start in track(
        starts, description="Testing", console=err, transient=True, disable=not err.is_terminal
    ):
        rows = order[start : start + batch_size]
        batch = tokenizer.pad([features[row] for row in rows], return_tensors="pt").to(device)
        with torch.inference_mode():
            for row, result in zip(rows, read(model(**batch), batch), strict=True):
                results[row] = result
    return results


def logits(checkpoint: Path, texts: Texts, *, max_length: int) -> Logits:
    """A sequence classifier's logits, FP32 `[len(texts), outputs]`, rows in the order of `texts`."""
    features = encoding.features(tokenizer_of(checkpoint), texts, max_length=max_length)
    rows = outputs(checkpoint, features, head=AutoModelForSequenceClassification, read=logits_of)
    return np.stack(rows)


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
