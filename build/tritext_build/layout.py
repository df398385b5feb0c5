"""Where everything of a model version stands in a repository, and every file of it that needs no weights."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import BadName, BadVersion
from .explaining import EXPLAIN, Explaining
from .formats import Format
from .model_config import INT64, MAX_BATCH_SIZE, MOST_ROWS, ModelConfig, Step, Tensor
from .tasks import Task
from .tasks.task import RUNTIME, Blueprint, Shape

STEPS = ("tokenizer", "model", "postprocess")
LABELS_FILE = "labels.txt"
STEP_FILES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "tokenizer": (
        "tokenizer.py",
        "rows.py",
        ("backlog.py", "encoding.py", "metrics.py", "requests.py", "responses.py"),
    ),
    "postprocess": (
        "postprocess.py",
        "answers.py",
        ("functions.py", "metrics.py", "requests.py", "responses.py"),
    ),
}
"""A Python step's entrance, its module in the task's folder, and what both import."""

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
    blueprint: Blueprint
    input_names: tuple[str, ...]
    max_length: int
    pad_token_id: int
    truncation_side: str
    format: Format
    precision: str
    explaining: Explaining | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.version < 1:
            raise BadVersion(version=self.version)

    def step(self, step: str) -> str:
        """The name of a step's model, which is also its folder."""
        return f"{self.name}_{step}"

    @property
    def models(self) -> tuple[str, ...]:
        """The folders of this model: its steps in order, what explains it, the ensemble last."""
        steps = (*STEPS, EXPLAIN) if self.explaining else STEPS
        return (*(self.step(step) for step in steps), self.name)

    @property
    def absent_models(self) -> tuple[str, ...]:
        """The folders that other versions of this model may have and this one has not."""
        return () if self.explaining else (self.step(EXPLAIN),)

    @property
    def manifest_path(self) -> PurePosixPath:
        return manifest_path(self.name, self.version)

    @property
    def graph_path(self) -> PurePosixPath:
        return PurePosixPath(self.step("model"), str(self.version), self.format.filename)

    @property
    def tokenizer_paths(self) -> tuple[PurePosixPath, ...]:
        """Where the vocabulary lies: in the first step, in the last where that decodes, and in what explains."""
        decoding = ("postprocess",) if self.blueprint.decodes else ()
        steps = ("tokenizer", *decoding, *((EXPLAIN,) if self.explaining else ()))
        return tuple(PurePosixPath(self.step(step), str(self.version), "tokenizer.json") for step in steps)

    def files(self) -> dict[PurePosixPath, bytes]:
        """Every file but the weights, the vocabulary and the manifest: path in the repository to content."""
        files = dict(self._of_model())
        # Triton has one config for all versions of a model. Each keeps its own, for the day it is rolled back to.
        files |= {path.parent / str(self.version) / path.name: content for path, content in files.items()}
        settings: dict[str, dict[str, Any]] = {
            "tokenizer": {
                "encoder": self.encoder_settings(),
                "rows": dict(self.blueprint.rows),
                "most_rows": self.most_rows,
            },
            "postprocess": {"answers": dict(self.blueprint.answering)},
        }
        for step, own in settings.items():
            folder = PurePosixPath(self.step(step), str(self.version))
            files |= {folder / name: path.read_bytes() for name, path in self._code(step).items()}
            files[folder / "settings.json"] = _json({"task": self.task.runtime_folder.name, **own})
        if self.explaining:
            folder = PurePosixPath(self.step(EXPLAIN), str(self.version))
            files |= {folder / name: path.read_bytes() for name, path in self.explaining.code.items()}
            files[folder / "settings.json"] = _json(self.explaining.settings(self))
        return files

    def _of_model(self) -> Iterator[tuple[PurePosixPath, bytes]]:
        """What belongs to the models and not to this version of them, as Triton has it: configurations and labels."""
        for config in self.configs():
            yield PurePosixPath(config.name, "config.pbtxt"), config.to_text().encode()
        if self.blueprint.labels:
            lines = "".join(f"{label}\n" for label in self.blueprint.labels)
            yield PurePosixPath(self.name, LABELS_FILE), lines.encode()

    def _code(self, step: str) -> dict[str, Path]:
        """The Python files of a step: name in the version's folder to the file that is copied."""
        entrance, own, shared = STEP_FILES[step]
        if step == "postprocess" and self.blueprint.decodes:
            shared = (*shared, "vocabulary.py")
        folder = self.task.runtime_folder
        # The task's own helpers, whatever they are called, go with both of its modules.
        others = {path.name for path in folder.glob("*.py")} - {
            module for _, module, _ in STEP_FILES.values()
        }
        return {
            "model.py": RUNTIME / entrance,
            **{name: RUNTIME / name for name in shared},
            **{f"{folder.name}/{name}": folder / name for name in sorted({own, *others})},
        }

    def encoder_settings(self) -> dict[str, Any]:
        """The keyword arguments of `runtime.encoding.Encoder`."""
        return {
            "max_length": self.max_length,
            "input_names": list(self.input_names),
            "pad_token_id": self.pad_token_id,
            "truncation_side": self.truncation_side,
        }

    # ---- configurations

    @property
    def most_rows(self) -> int:
        """The most rows of the model that one request may become."""
        return MAX_BATCH_SIZE if self.blueprint.shape is Shape.ROW else MOST_ROWS

    def configs(self) -> tuple[ModelConfig, ...]:
        """The configurations of the steps, of what explains them, and, last, of the ensemble over the steps."""
        return (
            self._tokenizer_config(),
            self._model_config(),
            self._postprocess_config(),
            *((self.explaining.config(self),) if self.explaining else ()),
            self._ensemble_config(),
        )

    def _tokenizer_config(self) -> ModelConfig:
        batches = self.blueprint.shape is not Shape.REQUEST
        return ModelConfig(
            name=self.step("tokenizer"),
            backend="python",
            instances=1,
            max_batch_size=MAX_BATCH_SIZE if batches else 0,
            inputs=self.blueprint.inputs,
            outputs=[
                *_free(self._row_inputs(), unless=batches),
                *_free(self.blueprint.handed_on, unless=batches),
                self.blueprint.token_count,
            ],
        )

    def _model_config(self) -> ModelConfig:
        inputs, outputs = self._row_inputs(), self.blueprint.graph_outputs
        return ModelConfig(
            name=self.step("model"),
            backend=self.format.backend,
            max_batch_size=self.most_rows + self.format.spare_rows,
            most_rows_at_once=self.most_rows if self.format.spare_rows else 0,
            inputs=_renamed(inputs, self.format.input_names([tensor.name for tensor in inputs])),
            outputs=_renamed(outputs, self.format.output_names([tensor.name for tensor in outputs])),
            parameters=self.format.parameters(self.precision),
        )

    def _postprocess_config(self) -> ModelConfig:
        batches = self.blueprint.shape is Shape.ROW
        rows = (*self._kept_outputs(), *self.blueprint.handed_on)
        return ModelConfig(
            name=self.step("postprocess"),
            backend="python",
            instances=1,
            max_batch_size=MAX_BATCH_SIZE if batches else 0,
            inputs=[*_free(rows, unless=batches), *self._as_asked(self._passed_on())],
            outputs=self._as_asked(self.blueprint.answers),
        )

    def _ensemble_config(self) -> ModelConfig:
        return ModelConfig(
            name=self.name,
            max_batch_size=MAX_BATCH_SIZE if self.blueprint.shape is Shape.ROW else 0,
            inputs=self._as_asked(self.blueprint.inputs),
            outputs=self._as_asked(
                (*self.blueprint.direct.values(), *self.blueprint.answers, self.blueprint.token_count)
            ),
            parameters={"task": self.task.name, "format": self.format.name, "precision": self.precision},
            steps=self._steps(),
        )

    def _steps(self) -> tuple[Step, ...]:
        row_inputs = [tensor.name for tensor in self._row_inputs()]
        handed_on = [tensor.name for tensor in self.blueprint.handed_on]
        outputs = [tensor.name for tensor in self.blueprint.graph_outputs]
        seen_as = {name: tensor.name for name, tensor in self.blueprint.direct.items()}
        kept = [tensor.name for tensor in self._kept_outputs()]
        return (
            self._step(
                "tokenizer",
                _same([tensor.name for tensor in self.blueprint.inputs]),
                _same([*row_inputs, *handed_on, self.blueprint.token_count.name]),
            ),
            self._step(
                "model",
                dict(zip(self.format.input_names(row_inputs), row_inputs, strict=True)),
                {
                    theirs: seen_as.get(ours, ours)
                    for theirs, ours in zip(self.format.output_names(outputs), outputs, strict=True)
                },
            ),
            self._step(
                "postprocess",
                _same([*kept, *handed_on, *self.blueprint.passed_on]),
                _same([tensor.name for tensor in self.blueprint.answers]),
            ),
        )

    def _step(self, step: str, input_map: dict[str, str], output_map: dict[str, str]) -> Step:
        return Step(
            model_name=self.step(step),
            model_version=self.version,
            input_map=input_map,
            output_map=output_map,
        )

    def _row_inputs(self) -> list[Tensor]:
        """What the graph takes: the tokens' rows, all of one width, and the task's own."""
        rows = [Tensor(name=name, data_type=INT64, dims=(self.max_length,)) for name in self.input_names]
        return [*rows, *self.blueprint.extra_inputs]

    def _kept_outputs(self) -> list[Tensor]:
        """The graph's outputs that go to the last step."""
        return [tensor for tensor in self.blueprint.graph_outputs if tensor.name not in self.blueprint.direct]

    def _passed_on(self) -> list[Tensor]:
        return [tensor for tensor in self.blueprint.inputs if tensor.name in self.blueprint.passed_on]

    def _as_asked(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """Tensors of texts, with the number of texts in front where the ensemble does not take it for a batch."""
        return _free(tensors, unless=self.blueprint.shape is not Shape.TEXTS)


def _free(tensors: Iterable[Tensor], *, unless: bool) -> list[Tensor]:
    """The tensors with a dimension of any size in front, `unless` that is the batch's."""
    return [tensor if unless else replace(tensor, dims=(-1, *tensor.dims)) for tensor in tensors]


def _renamed(tensors: Iterable[Tensor], names: Iterable[str]) -> list[Tensor]:
    return [replace(tensor, name=name) for tensor, name in zip(tensors, names, strict=True)]


def _same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def check_name(name: str) -> None:
    """Refuse what is no plain folder name, and what a step of another model could be called.

    Raises:
        BadName: With the reason.
    """
    if not NAME.fullmatch(name):
        raise BadName(
            name=name, reason="use 1 to 100 letters, digits, '_', '-' and '.', the first a letter or a digit"
        )
    for step in (*STEPS, EXPLAIN):
        if name.endswith(f"_{step}"):
            raise BadName(name=name, reason=f"names that end in '_{step}' belong to the steps of a model")


def manifest_path(name: str, version: int) -> PurePosixPath:
    """Where the manifest of a version stands in its repository."""
    return PurePosixPath(f"{name}_tokenizer", str(version), "manifest.json")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
