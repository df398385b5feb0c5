"""The model NAME_explain beside a served classifier: its files, its settings, its configuration. Computes nothing.

It asks `NAME_model` of the same version, so that what is explained is what is served, whatever the format and the
precision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CannotExplain
from .model_config import STRING, ModelConfig, Tensor
from .tasks import TextClassification
from .tasks.task import RUNTIME
from .tasks.text_classification import LOGITS

if TYPE_CHECKING:
    from .checkpoint import Checkpoint
    from .layout import ModelVersion

EXPLAIN = "explain"
"""The end of the model's name."""

TASK = "explanation"
"""What the model's configuration calls its task, for clients."""

CODE: Mapping[str, str] = {"model.py": "explain.py"} | {
    name: name
    for name in (
        *("encoding.py", "functions.py", "requests.py", "responses.py", "text_classification/rows.py"),
        *(f"explanation/{name}.py" for name in ("asking", "explaining", "shapley", "words")),
    )
}
"""Name in the version's folder to the file of the runtime that is copied."""


@dataclass(frozen=True, kw_only=True)
class Explaining:
    """How answers are explained: what stands in the place of the tokens of an absent word."""

    absent_token_id: int

    @property
    def code(self) -> dict[str, Path]:
        return {name: RUNTIME / source for name, source in CODE.items()}

    def settings(self, version: "ModelVersion") -> dict[str, Any]:
        """What `runtime/explain.py` reads."""
        names = version.input_names
        outputs = [tensor.name for tensor in version.blueprint.graph_outputs]
        theirs = dict(zip(outputs, version.format.output_names(outputs), strict=True))
        return {
            "encoder": version.encoder_settings(),
            "rows": dict(version.blueprint.rows),
            "explaining": {**version.blueprint.answering, "absent_token_id": self.absent_token_id},
            "network": {
                "model": version.step("model"),
                "version": version.version,
                "inputs": dict(zip(names, version.format.input_names(names), strict=True)),
                "logits": theirs[LOGITS],
            },
        }

    def config(self, version: "ModelVersion") -> ModelConfig:
        """One text in a request, one instance: an explanation is many rows of the network, and others wait for it, too."""
        return ModelConfig(
            name=version.step(EXPLAIN),
            backend="python",
            instances=1,
            max_batch_size=1,
            inputs=version.blueprint.inputs,
            outputs=[Tensor(name="RESULT", data_type=STRING, dims=(1,)), version.blueprint.token_count],
            parameters={"task": TASK},
        )


def explaining_of(checkpoint: "Checkpoint") -> Explaining:
    """How the answers of a checkpoint are explained.

    Raises:
        CannotExplain: It is for another task than text classification.
    """
    if not isinstance(checkpoint.task, TextClassification):
        raise CannotExplain(task=checkpoint.task.name, explained=TextClassification.name)
    tokenizer = checkpoint.tokenizer
    candidates = (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id)
    return Explaining(absent_token_id=next(int(token) for token in candidates if token is not None))
