"""Distillation of text classifiers: what the teacher says of every training row, computed once, and the student's loss.

Hinton, Vinyals and Dean 2015, https://arxiv.org/abs/1503.02531. It refuses to know how rows are read and trained on.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256 as digest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from tritext.checkpoints import cache_folder, locate, sha256, transformer_folder
from tritext_training import scoring
from tritext_training.encoding import Texts
from tritext_training.errors import TeacherUnusable
from tritext_training.tasks import Batch, Objective

SOFT_SHARE = 0.8
"""Of the loss; the rest comes from the labels. The teacher knows more of a row than its label says."""

COLUMN = "teacher_logits"

SPEED_TEXTS, SPEED_ROUNDS = 256, 3


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A finished classifier with the student's labels, and the place of each of them among its outputs."""

    source: str
    folder: Path
    sha256: str
    order: tuple[int, ...]
    max_length: int
    temperature: float

    @property
    def facts(self) -> dict[str, Any]:
        return {"source": self.source, "sha256": self.sha256, "temperature": self.temperature}

    def logits(self, texts: Texts) -> scoring.Logits:
        """FP32 `[rows, labels]`, in the student's order of labels; kept on disk for runs on the same texts."""
        key = digest(f"{self.sha256} {self.max_length}".encode())
        for text in texts:
            key.update(text.encode() + b"\0")
        kept = cache_folder() / "teachers" / f"{key.hexdigest()}.npy"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            partial = kept.with_suffix(".partial.npy")
            np.save(partial, scoring.logits(self.folder, texts, max_length=self.max_length, what="Teacher"))
            partial.rename(kept)
        found: scoring.Logits = np.load(kept, mmap_mode="r")
        return found[:, list(self.order)]


def open_teacher(source: str, *, labels: Sequence[str], problem_type: str, temperature: float) -> Teacher:
    """Find the teacher and see that it tells the same labels apart.

    Raises:
        TeacherUnusable: It does not, or cannot be loaded as a classifier.
    """
    folder = transformer_folder(locate(source))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    names = [str(config.id2label[place]) for place in sorted(config.id2label)]
    if sorted(names) != sorted(labels):
        missing = sorted(set(labels) - set(names)) or sorted(set(names) - set(labels))
        side = "it lacks" if set(labels) - set(names) else "the data lack"
        raise TeacherUnusable(
            source=source,
            reason=f"its labels are not those of the data: it has {len(names)}, the data {len(labels)}; {side} "
            f"{', '.join(missing[:5])}",
        )
    if (config.problem_type or problem_type) != problem_type:
        raise TeacherUnusable(
            source=source, reason=f"it is a {config.problem_type}, the data are a {problem_type}"
        )
    tokenizer = scoring.tokenizer_of(folder)
    return Teacher(
        source=source,
        folder=folder,
        sha256=sha256(min(folder.glob("*.safetensors"))),
        order=tuple(names.index(label) for label in labels),
        max_length=min(tokenizer.model_max_length, 512),
        temperature=temperature,
    )


def objective(
    *, multi_label: bool, temperature: float = 1.0, class_weights: Sequence[float] | None = None
) -> Objective:
    """A classifier's loss: on labels, perhaps weighted, and where a batch has a teacher's logits, mostly on those."""

    def compute(model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        inputs = {name: value for name, value in batch.items() if name not in {"labels", COLUMN}}
        logits = model(**inputs).logits
        weights = None if class_weights is None else logits.new_tensor(class_weights)
        loss = _hard(logits, batch["labels"], weights, multi_label=multi_label)
        if COLUMN in batch:
            soft = _soft(logits, batch[COLUMN], temperature, multi_label=multi_label)
            loss = SOFT_SHARE * soft + (1 - SOFT_SHARE) * loss
        return loss, {"logits": logits}

    return compute


def _hard(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None, *, multi_label: bool
) -> torch.Tensor:
    if multi_label:
        return functional.binary_cross_entropy_with_logits(
            logits, labels.to(logits.dtype), pos_weight=weights
        )
    each = functional.cross_entropy(logits, labels, weight=weights, reduction="none")
    return each.mean()  # not torch's weighted mean, which would depend on which rows share a batch


def _soft(
    logits: torch.Tensor, teacher: torch.Tensor, temperature: float, *, multi_label: bool
) -> torch.Tensor:
    """Times the temperature's square, so that its gradient keeps the size that the labels' has (section 2.1)."""
    student, taught = logits / temperature, teacher.to(logits.dtype) / temperature
    if multi_label:
        loss = functional.binary_cross_entropy_with_logits(student, taught.sigmoid())
    else:
        loss = functional.kl_div(
            student.log_softmax(dim=-1), taught.log_softmax(dim=-1), reduction="batchmean", log_target=True
        )
    return loss * temperature**2


def compared(
    checkpoints: Mapping[str, Path], texts: Texts, *, max_length: int
) -> dict[str, dict[str, float]]:
    """Size and speed of checkpoints: rows a second on the same texts, in turn, the median of a few rounds."""
    sample = Texts(
        first=texts.first[:SPEED_TEXTS], second=None if texts.second is None else texts.second[:SPEED_TEXTS]
    )
    rates: dict[str, list[float]] = {name: [] for name in checkpoints}
    scorers = {
        name: scoring.Scorer(folder, AutoModelForSequenceClassification)
        for name, folder in checkpoints.items()
    }
    for number in range(SPEED_ROUNDS + 1):
        for name, scorer in scorers.items():
            started = time.perf_counter()
            scorer.logits(sample, max_length=max_length)
            if number:  # the first round warms up
                rates[name].append(len(sample) / (time.perf_counter() - started))
    return {
        name: {
            "parameters": scorer.model.num_parameters(),
            "layers": int(scorer.model.config.num_hidden_layers),
            "bytes": sum(path.stat().st_size for path in checkpoints[name].glob("*.safetensors")),
            "rows_per_second": round(statistics.median(rates[name]), 1),
        }
        for name, scorer in scorers.items()
    }
