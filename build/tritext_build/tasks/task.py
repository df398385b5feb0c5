"""What a build must know of a task, and what a task makes of a checkpoint; one class per task, in a module of its own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from tritext_build.errors import NoEvaluation
from tritext_build.model_config import INT32, Tensor
from tritext_build.runtime.encoding import Line

if TYPE_CHECKING:
    from tritext.records import LabelledTexts
    from tritext_build.checkpoint import Checkpoint

RUNTIME = Path(__file__).parents[1] / "runtime"
"""The Python code of the served steps."""

Scores = npt.NDArray[np.float32]
TOKEN_COUNT = Tensor(name="TOKEN_COUNT", data_type=INT32, dims=(1,))
Row = Mapping[str, npt.NDArray[Any]]
"""The graph's outputs for one row, by name, without the row's dimension and without padding."""


class Shape(Enum):
    """How requests become the model's rows."""

    ROW = "a text is a row"
    TEXTS = "a request holds texts, each of which becomes one or more rows"
    REQUEST = "a request as a whole becomes one or more rows"


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Everything of a served model but its weights and its vocabulary.

    Dimensions are those of one text, one request or one row, as the shape and the tensor have it; the layout adds
    what stands in front of them.

    Attributes:
        inputs: What clients send.
        answers: What the postprocess step answers.
        graph_outputs: By row. Those that `direct` does not name go to the postprocess step.
        direct: Output of the graph to the tensor that clients see; it must not go to the postprocess step, too.
        extra_inputs: Of the graph, besides the tokenizer's: INT64, by row.
        handed_on: What the first step tells the last one of each row.
        passed_on: The inputs of clients that the last step reads, too.
        decodes: Whether the last step turns tokens into text, and so gets `tokenizer.json`, too.
        labels: The lines of `labels.txt`; none writes no file.
        rows: Keyword arguments of the task's `Rows`.
        answering: Keyword arguments of the task's `Answers`.
    """

    shape: Shape
    inputs: tuple[Tensor, ...]
    answers: tuple[Tensor, ...]
    graph_outputs: tuple[Tensor, ...]
    direct: Mapping[str, Tensor] = field(default_factory=dict)
    extra_inputs: tuple[Tensor, ...] = ()
    handed_on: tuple[Tensor, ...] = ()
    passed_on: tuple[str, ...] = ()
    decodes: bool = False
    token_count: Tensor = TOKEN_COUNT
    labels: tuple[str, ...] = ()
    rows: Mapping[str, Any] = field(default_factory=dict)
    answering: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What a user may say of how a checkpoint is served, where the checkpoint does not say it itself.

    Attributes:
        pairs: Text classification: every text comes with a second one.
    """

    pairs: bool = False


DEFAULT_OPTIONS = TaskOptions()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Labelled data as the gates use them: what is asked, and what the answers are worth by `metric_name`."""

    lines: tuple[Line, ...]
    metric_name: str

    def metric(self, rows: Sequence[Row]) -> float:
        """The figure, from 0 to 1 and better the higher, of the graph's outputs for all lines."""
        raise NotImplementedError


class Head(torch.nn.Module):
    """What turns a transformers model's output into the graph's outputs, inside the graph."""

    def forward(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The outputs in the order of `Blueprint.graph_outputs`, FP32; `inputs` are the graph's, by name."""
        raise NotImplementedError


class Task(ABC):
    """A task by Hugging Face's name.

    Attributes:
        architectures: How the class names of the models that it serves end.
        auto_model: transformers' class that loads them.
        truncate: Which side of a pair is cut where it is too long, as `tokenizers` calls it.
    """

    name: ClassVar[str]
    architectures: ClassVar[tuple[str, ...]]
    auto_model: ClassVar[Any]
    truncate: ClassVar[str] = "longest_first"

    @property
    def runtime_folder(self) -> Path:
        """The folder with this task's `rows.py` and `answers.py`, which are copied into every version."""
        return RUNTIME / self.name.replace("-", "_")

    @abstractmethod
    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:
        """What is served.

        Raises:
            BuildError: The checkpoint or the options do not allow it.
        """

    def calibrated(self, blueprint: Blueprint, rows: Sequence[Row]) -> Blueprint:  # noqa: ARG002
        """The blueprint with what is to be measured on the original's answers to the probes."""
        return blueprint

    @abstractmethod
    def head(self, checkpoint: "Checkpoint") -> Head:
        """What stands behind the model in the graph."""

    def prepare(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model as the graph runs it; takes `extra_inputs` by name."""
        return model

    def probes(self, checkpoint: "Checkpoint", texts: Sequence[str]) -> list[Line]:  # noqa: ARG002
        """Lines such as clients' requests make, one for each text; the gates ask them."""
        return list(texts)

    def extra_inputs(
        self,
        checkpoint: "Checkpoint",  # noqa: ARG002
        input_ids: npt.NDArray[np.int64],  # noqa: ARG002
    ) -> dict[str, npt.NDArray[np.int64]]:
        """The `extra_inputs` of probes, from their rows of token ids [rows, length]."""
        return {}

    @abstractmethod
    def logits(self, row: Row) -> Scores:
        """What must equal the original in FP32."""

    @abstractmethod
    def scores(self, row: Row) -> Scores:
        """What clients see as scores, and what may not depend on a batch's other rows."""

    @abstractmethod
    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:
        """Which decisions on a row's scores are those on the original's scores."""

    def evaluation(self, checkpoint: "Checkpoint", data: "LabelledTexts") -> Evaluation:  # noqa: ARG002
        """Labelled data in the gates' form.

        Raises:
            BuildError: The labels are not the checkpoint's, or the task has no such gate.
        """
        raise NoEvaluation(task=self.name)
