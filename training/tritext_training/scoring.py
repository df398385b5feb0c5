"""Texts to logits with a checkpoint on disk, as its users will load it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tritext.console import err

Logits = npt.NDArray[np.float32]


def logits(checkpoint: Path, texts: Sequence[str], *, max_length: int, batch_size: int = 32) -> Logits:
    """The model's logits, FP32 `[len(texts), labels]`, rows in the order of `texts`.

    Texts of like length are scored together, which is several times faster than in their own order.
    """
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    scored: Logits = np.zeros((len(texts), model.config.num_labels), dtype=np.float32)
    starts = range(0, len(order), batch_size)
    for start in track(
        starts, description="Testing", console=err, transient=True, disable=not err.is_terminal
    ):
        rows = order[start : start + batch_size]
        batch = tokenizer(
            [texts[row] for row in rows],
            truncation=True,
            max_length=max_length,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            scored[rows] = model(**batch.to(device)).logits.float().cpu().numpy()
    return scored


def softmax(scores: Logits) -> Logits:
    """Along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Logits = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(scores: Logits) -> Logits:
    """Element by element, without overflow: (1 + tanh(x/2)) / 2 is the logistic function."""
    result: Logits = (1 + np.tanh(scores / 2)) / 2
    return result
