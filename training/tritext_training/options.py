"""What a training run was asked to do; checked where it is made."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tritext_training.errors import BadOption

SINGLE_LABEL, MULTI_LABEL = "single_label_classification", "multi_label_classification"
REGRESSION = "regression"
PROBLEM_TYPES = (SINGLE_LABEL, MULTI_LABEL, REGRESSION)
"""What labels mean, in the words of transformers' configurations."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """One run of `tritext train`. None means: chosen from the data or the base checkpoint."""

    task: str
    data: Path
    output: Path
    base: str
    revision: str | None = None
    eval_data: Path | None = None
    text_column: str | None = None
    pair_column: str | None = None
    query_column: str | None = None
    label_column: str | None = None
    score_column: str | None = None
    tokens_column: str | None = None
    tags_column: str | None = None
    spans_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answer_column: str | None = None
    answer_start_column: str | None = None
    label_separator: str | None = None
    label_names: str | None = None
    problem_type: str | None = None
    epochs: int | None = None
    max_samples: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    max_length: int | None = None
    layers: int | None = None
    teacher: str | None = None
    temperature: float = 2.0
    class_weights: str | None = None
    gradient_accumulation: int = 1
    gradient_checkpointing: bool = False
    doc_stride: int | None = None
    threshold: float | None = None
    validation_split: float = 0.1
    early_stopping: int = 3
    seed: int = 42
    overwrite: bool = False

    def __post_init__(self) -> None:
        self._expect("epochs", "at least 1", self.epochs is None or self.epochs >= 1)
        self._expect("max_samples", "at least 2", self.max_samples is None or self.max_samples > 1)
        self._expect("batch_size", "at least 1", self.batch_size is None or self.batch_size >= 1)
        self._expect("layers", "at least 1", self.layers is None or self.layers >= 1)
        self._expect("temperature", "at least 1, usually 1 to 10", self.temperature >= 1)
        self._expect("class_weights", "balanced", self.class_weights in {None, "balanced"})
        self._expect("gradient_accumulation", "at least 1", self.gradient_accumulation >= 1)
        self._expect("early_stopping", "0 (off) or a number of epochs", self.early_stopping >= 0)
        self._expect("max_length", "at least 8", self.max_length is None or self.max_length >= 8)  # noqa: PLR2004
        self._expect("doc_stride", "at least 0", self.doc_stride is None or self.doc_stride >= 0)
        self._expect(
            "problem_type", f"one of {', '.join(PROBLEM_TYPES)}", self.problem_type in {None, *PROBLEM_TYPES}
        )
        self._expect("seed", "a number from 0 to 4294967295", 0 <= self.seed < 2**32)
        rate, share, threshold = self.learning_rate, self.validation_split, self.threshold
        self._expect(
            "learning_rate", "above 0 and at most 1, usually 1e-5 to 1e-3", rate is None or 0 < rate <= 1
        )
        self._expect("validation_split", "above 0 and at most 0.5", 0 < share <= 0.5)  # noqa: PLR2004
        self._expect("threshold", "between 0 and 1", threshold is None or 0 < threshold < 1)

    def _expect(self, name: str, expected: str, holds: bool) -> None:  # noqa: FBT001
        if not holds:
            raise BadOption(option=name.replace("_", "-"), value=getattr(self, name), expected=expected)

    def as_json(self) -> dict[str, Any]:
        """Every option, paths as strings."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }

    def identity(self) -> dict[str, Any]:
        """The options that change the result: all but where files lie and what may be replaced."""
        elsewhere = {"data", "eval_data", "output", "overwrite"}
        return {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in elsewhere
        }
