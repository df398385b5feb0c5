"""Where everything of a model version stands in a repository, and every file of it that needs no weights."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import BadName, BadVersion
from .formats import Format
from .graph import LOGITS, OUTPUTS, PROBABILITIES
from .model_config import FP32, INT32, INT64, STRING, ModelConfig, Step, Tensor
from .tasks import Task

RUNTIME = Path(__file__).parent / "runtime"
"""The Python code of the steps, copied byte for byte into every version."""

STEPS = ("tokenizer", "model", "postprocess")
LABELS_FILE = "labels.txt"
TOKENIZER_FILES = {"model.py": "tokenizer.py", "encoding.py": "encoding.py", "requests.py": "requests.py"}

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One version of a served model: what is decided before any weight is written.

    Raises:
        BadName: Not a plain folder name, or one that could be taken for a step's.
        BadVersion: Not a whole number from 1 up.
    """

    name: str
    version: int
    task: Task
    labels: tuple[str, ...]
    function_to_apply: str
    input_names: tuple[str, ...]
    max_length: int
    pad_token_id: int
    truncation_side: str
    format: Format
    precision: str

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.version < 1:
            raise BadVersion(version=self.version)

    def step(self, step: str) -> str:
        """The name of a step's model, which is also its folder."""
        return f"{self.name}_{step}"

    @property
    def models(self) -> tuple[str, ...]:
        """The folders of this model: its steps in order, the ensemble last."""
        return (*(self.step(step) for step in STEPS), self.name)

    @property
    def manifest_path(self) -> PurePosixPath:
        return manifest_path(self.name, self.version)

    @property
    def graph_path(self) -> PurePosixPath:
        return PurePosixPath(self.step("model"), str(self.version), self.format.filename)

    @property
    def tokenizer_path(self) -> PurePosixPath:
        return PurePosixPath(self.step("tokenizer"), str(self.version), "tokenizer.json")

    def files(self) -> dict[PurePosixPath, bytes]:
        """Every file but the weights, the vocabulary and the manifest: path in the repository to content."""
        configs = {
            PurePosixPath(config.name, "config.pbtxt"): config.to_text().encode() for config in self.configs()
        }
        tokenizer = PurePosixPath(self.step("tokenizer"), str(self.version))
        postprocess = PurePosixPath(self.step("postprocess"), str(self.version))
        return {
            **configs,
            PurePosixPath(self.name, LABELS_FILE): "".join(f"{label}\n" for label in self.labels).encode(),
            **{tokenizer / name: (RUNTIME / source).read_bytes() for name, source in TOKENIZER_FILES.items()},
            tokenizer / "settings.json": _json(self.encoder_settings()),
            **{
                postprocess / name: (RUNTIME / source).read_bytes()
                for name, source in self.task.postprocess_files.items()
            },
            postprocess / "settings.json": _json(
                self.task.postprocess_settings(self.labels, self.function_to_apply)
            ),
        }

    def encoder_settings(self) -> dict[str, Any]:
        """The keyword arguments of `runtime.encoding.Encoder`."""
        return {
            "max_length": self.max_length,
            "input_names": list(self.input_names),
            "pad_token_id": self.pad_token_id,
            "truncation_side": self.truncation_side,
        }

    def configs(self) -> tuple[ModelConfig, ...]:
        """The configurations of the steps and, last, of the ensemble over them."""
        return (
            self._tokenizer_config(),
            self._model_config(),
            self._postprocess_config(),
            self._ensemble_config(),
        )

    def _tokenizer_config(self) -> ModelConfig:
        return ModelConfig(
            name=self.step("tokenizer"),
            backend="python",
            instances=1,
            inputs=[Tensor(name="TEXT", data_type=STRING, dims=(1,))],
            outputs=[*self._rows(self.input_names), Tensor(name="TOKEN_COUNT", data_type=INT32, dims=(1,))],
        )

    def _model_config(self) -> ModelConfig:
        outputs = self.format.output_names(OUTPUTS)
        return ModelConfig(
            name=self.step("model"),
            backend=self.format.backend,
            inputs=self._rows(self.format.input_names(self.input_names)),
            outputs=[Tensor(name=name, data_type=FP32, dims=(len(self.labels),)) for name in outputs],
            parameters=self.format.parameters,
        )

    def _postprocess_config(self) -> ModelConfig:
        return ModelConfig(
            name=self.step("postprocess"),
            backend="python",
            instances=1,
            inputs=[Tensor(name=LOGITS, data_type=FP32, dims=(len(self.labels),))],
            outputs=[Tensor(name="RESULT", data_type=STRING, dims=(1,))],
        )

    def _ensemble_config(self) -> ModelConfig:
        return ModelConfig(
            name=self.name,
            inputs=[Tensor(name="TEXT", data_type=STRING, dims=(1,))],
            outputs=[
                Tensor(
                    name="PROBABILITIES", data_type=FP32, dims=(len(self.labels),), label_filename=LABELS_FILE
                ),
                Tensor(name="RESULT", data_type=STRING, dims=(1,)),
                Tensor(name="TOKEN_COUNT", data_type=INT32, dims=(1,)),
            ],
            parameters={"task": self.task.name, "format": self.format.name, "precision": self.precision},
            steps=self._steps(),
        )

    def _steps(self) -> tuple[Step, ...]:
        graph_inputs = self.format.input_names(self.input_names)
        graph_outputs = dict(zip(OUTPUTS, self.format.output_names(OUTPUTS), strict=True))
        return (
            Step(
                model_name=self.step("tokenizer"),
                model_version=self.version,
                input_map={"TEXT": "TEXT"},
                output_map={name: name for name in (*self.input_names, "TOKEN_COUNT")},
            ),
            Step(
                model_name=self.step("model"),
                model_version=self.version,
                input_map=dict(zip(graph_inputs, self.input_names, strict=True)),
                output_map={graph_outputs[LOGITS]: LOGITS, graph_outputs[PROBABILITIES]: "PROBABILITIES"},
            ),
            Step(
                model_name=self.step("postprocess"),
                model_version=self.version,
                input_map={LOGITS: LOGITS},
                output_map={"RESULT": "RESULT"},
            ),
        )

    def _rows(self, names: tuple[str, ...] | list[str]) -> list[Tensor]:
        return [Tensor(name=name, data_type=INT64, dims=(self.max_length,)) for name in names]


def check_name(name: str) -> None:
    """Refuse what is no plain folder name, and what a step of another model could be called.

    Raises:
        BadName: With the reason.
    """
    if not NAME.fullmatch(name):
        raise BadName(
            name=name, reason="use 1 to 100 letters, digits, '_', '-' and '.', the first a letter or a digit"
        )
    for step in STEPS:
        if name.endswith(f"_{step}"):
            raise BadName(name=name, reason=f"names that end in '_{step}' belong to the steps of a model")


def manifest_path(name: str, version: int) -> PurePosixPath:
    """Where the manifest of a version stands in its repository."""
    return PurePosixPath(f"{name}_tokenizer", str(version), "manifest.json")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
