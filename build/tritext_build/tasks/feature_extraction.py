"""Feature extraction: one vector for a text, pooled and normalised in the graph as sentence-transformers would."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from transformers import AutoModel

from tritext_build.errors import BadCheckpoint
from tritext_build.heads import Sentence
from tritext_build.model_config import FP32, STRING, Tensor
from tritext_build.runtime.feature_extraction.answers import unit_length
from tritext_build.sentence_modules import SentenceModules

from .task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext_build.checkpoint import Checkpoint

EMBEDDING = "sentence_embedding"
ANSWERED = "answered_embedding"

SAME_DIRECTION = 0.98
"""The cosine from which two embeddings say the same."""


class Embedding(Head):
    """The embedding twice, FP32 [rows, dimensions]: for the last step and for clients.

    Triton dead-locks when one tensor is both answered and fed to a later step.
    """

    def __init__(self, modules: SentenceModules) -> None:
        super().__init__()
        self.sentence = Sentence(modules)

    def forward(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        embeddings = self.sentence(output.last_hidden_state.float(), inputs["attention_mask"])
        return embeddings, embeddings.clone()


class FeatureExtraction(Task):
    name = "feature-extraction"
    architectures = ("Model", "ForMaskedLM")
    auto_model = AutoModel

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:  # noqa: ARG002
        modules = checkpoint.sentence_modules
        if not modules.include_prompt:
            raise BadCheckpoint(
                source=checkpoint.source,
                reason="it leaves the tokens of prompts out of its pooling, which is not served",
                remedy="Take one whose 1_Pooling/config.json has include_prompt: true.",
            )
        dims = (_dimensions(modules, checkpoint),)
        small = {"EMBEDDING_SHORT": FP32, "EMBEDDING_INT8": "TYPE_INT8", "EMBEDDING_BINARY": "TYPE_UINT8"}
        return Blueprint(
            shape=Shape.ROW,
            inputs=(Tensor(name="TEXT", data_type=STRING, dims=(1,)),),
            answers=tuple(Tensor(name=name, data_type=kind, dims=(-1,)) for name, kind in small.items()),
            graph_outputs=(
                Tensor(name=EMBEDDING, data_type=FP32, dims=dims),
                Tensor(name=ANSWERED, data_type=FP32, dims=dims),
            ),
            direct={ANSWERED: Tensor(name="EMBEDDING", data_type=FP32, dims=dims)},
            rows={"prompts": dict(modules.prompts), "default_prompt": modules.default_prompt},
            answering={"normalize": modules.normalize},
        )

    def calibrated(self, blueprint: Blueprint, rows: Sequence[Row]) -> Blueprint:
        """With the ranges of INT8: each dimension's least and greatest value among the original's answers."""
        embeddings = np.stack([row[EMBEDDING] for row in rows])
        ranges = [embeddings.min(axis=0).tolist(), embeddings.max(axis=0).tolist()]
        return replace(blueprint, answering={**blueprint.answering, "ranges": ranges})

    def head(self, checkpoint: "Checkpoint") -> Head:
        try:
            return Embedding(checkpoint.sentence_modules)
        except (
            AttributeError, KeyError, OSError, RuntimeError, SafetensorError, TypeError, UnpicklingError
        ) as error:  # fmt: skip
            raise BadCheckpoint(
                source=checkpoint.source,
                reason=f"a dense layer behind its pooling cannot be read: {str(error).splitlines()[0]}",
                remedy="Expected config.json and the weights linear.weight and linear.bias in the layer's folder.",
            ) from error

    def logits(self, row: Row) -> Scores:
        return row[EMBEDDING]

    def scores(self, row: Row) -> Scores:
        return unit_length(row[EMBEDDING])

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """One decision a row: whether both point the same way."""
        agreed: npt.NDArray[np.bool_] = (scores * original).sum(axis=-1, keepdims=True) >= SAME_DIRECTION
        return agreed


def _dimensions(modules: SentenceModules, checkpoint: "Checkpoint") -> int:
    if modules.dense:
        return modules.dense[-1].out_features
    return int(checkpoint.config.hidden_size) * len(modules.pooling)
