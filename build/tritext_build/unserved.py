"""A model version without Triton: its first step, the checkpoint's torch model in FP32, its last step.

For tasks that transformers has no pipeline of. Answers one request at a time, in this process.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from .checkpoint import Checkpoint
from .errors import BuildError
from .graph import ServedGraph, served_graph
from .runtime.encoding import Encoder
from .runtime.requests import BadRequest
from .tasks.task import DEFAULT_OPTIONS, Blueprint, Task, TaskOptions

Arrays = Mapping[str, npt.NDArray[Any]]
Compute = Callable[[Arrays], Arrays]


class RefusedRequest(BuildError):
    """The request is one that the served model would refuse."""

    def __init__(self, mistake: BadRequest) -> None:
        super().__init__(f"The checkpoint cannot be asked that: {mistake}.")


@dataclass(frozen=True, kw_only=True)
class _Input:
    """A tensor as the Python steps see it."""

    title: str
    array: npt.NDArray[Any]

    def name(self) -> str:
        return self.title

    def as_numpy(self) -> npt.NDArray[Any]:
        return self.array


@dataclass(frozen=True, kw_only=True)
class _Request:
    """A request as the Python steps see it, in the place of Triton's own class, which exists only inside Triton."""

    arrays: Arrays
    asked: Mapping[str, Any]
    wanted: tuple[str, ...]

    def inputs(self) -> list[_Input]:
        return [_Input(title=name, array=array) for name, array in self.arrays.items()]

    def parameters(self) -> str:
        return json.dumps(dict(self.asked))

    def requested_output_names(self) -> tuple[str, ...]:
        return self.wanted


def _package(folder: Path) -> str:
    """The package of a task's served code, which may lie anywhere and is used to neighbours from the runtime's folder."""
    name = f"{__package__}.runtime.{folder.name}"
    if find_spec(name) is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = module_from_spec(spec)
    return name


class InProcess:
    """A version's first and last step around something that computes the graph's outputs, without Triton.

    Args:
        task: Whose steps these are.
        blueprint: What they are told.
        encoder: The first step's.
        compute: From the first step's rows, full width, to the graph's outputs, by name.
        answering: What the last step is told besides.
    """

    def __init__(
        self,
        *,
        task: Task,
        blueprint: Blueprint,
        encoder: Encoder,
        compute: Compute,
        answering: Mapping[str, Any] | None = None,
    ) -> None:
        self._blueprint, self._compute, self._answering = blueprint, compute, answering or {}
        self._steps = _package(task.runtime_folder)
        self._rows = import_module(f"{self._steps}.rows").Rows(encoder, **blueprint.rows)

    @cached_property
    def _answers(self) -> Any:
        """The last step, made when one of its outputs is wanted."""
        answers = import_module(f"{self._steps}.answers").Answers
        return answers(**self._blueprint.answering, **self._answering)

    def infer(self, inputs: Arrays, parameters: Mapping[str, Any], *, outputs: tuple[str, ...]) -> Arrays:
        """The outputs of one request, as the ensemble's.

        Raises:
            RefusedRequest: The request is bad.
        """
        try:
            return self._infer(_Request(arrays=inputs, asked=parameters, wanted=outputs))
        except BadRequest as mistake:
            raise RefusedRequest(mistake) from mistake

    def _infer(self, request: _Request) -> Arrays:
        (tensors,) = self._rows.encode([self._rows.read(request)])
        if isinstance(tensors, BadRequest):
            raise tensors
        found = self._compute(tensors)
        direct = {seen.name: found[name] for name, seen in self._blueprint.direct.items()}
        answered = {tensor.name for tensor in self._blueprint.answers}
        if not answered & set(request.wanted):
            return direct
        handed_on = {tensor.name: tensors[tensor.name] for tensor in self._blueprint.handed_on}
        passed_on = {name: request.arrays[name] for name in self._blueprint.passed_on}
        last = _Request(
            arrays={**found, **handed_on, **passed_on}, asked=request.asked, wanted=request.wanted
        )
        return {**direct, **self._answers.answer(self._answers.read(last))}


class Unserved(InProcess):
    """What the served version of a checkpoint is compared with."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        model: torch.nn.Module,
        *,
        max_length: int,
        options: TaskOptions = DEFAULT_OPTIONS,
    ) -> None:
        blueprint = checkpoint.task.blueprint(checkpoint, options)
        self._graph: ServedGraph = served_graph(checkpoint, model, blueprint)
        super().__init__(
            task=checkpoint.task,
            blueprint=blueprint,
            encoder=_encoder(checkpoint, max_length),
            compute=self._computed,
        )

    def _computed(self, tensors: Arrays) -> Arrays:
        """The graph's outputs for rows cut to the longest of them."""
        longest = int(tensors["attention_mask"].sum(axis=1).max())
        cut = {name: tensors[name][:, :longest] for name in self._graph.input_names}
        rows = (
            torch.from_numpy(np.ascontiguousarray(cut.get(name, tensors[name])))
            for name in self._graph.all_names
        )
        with torch.inference_mode():
            outputs = self._graph(*rows)
        return {name: out.numpy() for name, out in zip(self._graph.output_names, outputs, strict=True)}


def _encoder(checkpoint: Checkpoint, max_length: int) -> Encoder:
    return Encoder(
        Tokenizer.from_str(checkpoint.tokenizer.backend_tokenizer.to_str()),
        max_length=max_length,
        input_names=checkpoint.input_names,
        pad_token_id=int(checkpoint.tokenizer.pad_token_id),
        truncation_side=checkpoint.tokenizer.truncation_side,
    )
