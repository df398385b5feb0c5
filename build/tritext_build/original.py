"""What a version is compared with: the checkpoint's own graph, the lines that it is asked, and its answers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from torch.nn import Module

from .checkpoint import Checkpoint
from .formats import EXAMPLE_ROWS, Example
from .graph import ServedGraph, served_graph
from .layout import ModelVersion
from .reference import Reference
from .runtime.encoding import Encoder, Line
from .tasks.task import Evaluation

Tell = Callable[[str, float], None]
"""Called with what is being done and how much of it is done, 0 to 1."""

LONGEST_PROBE = 512
"""Words of the longest text that the gates ask: a word is a token or more, and attention grows with their square."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """The checkpoint as a graph, what it is asked, and its answers, computed before an export touches the model."""

    checkpoint: Checkpoint
    graph: ServedGraph
    lines: list[Line]
    evaluation: Evaluation | None
    reference: Reference

    def calibrated(self, version: ModelVersion) -> ModelVersion:
        """The version with what its task measures on the answers."""
        rows = self.reference.rows(self.lines)
        return replace(version, blueprint=self.checkpoint.task.calibrated(version.blueprint, rows))

    def example(self, version: ModelVersion, encoder: Encoder) -> Example:
        """Rows of many lengths, to trace the graph with and to measure on."""
        enough = len(self.lines) >= EXAMPLE_ROWS
        probes = self.lines if enough else version.task.probes(self.checkpoint, own_texts())
        lines = mixed(probes, version.format.example_rows)
        rows = encoder.encode(lines, truncate=version.task.truncate).inputs
        return {**rows, **version.task.extra_inputs(self.checkpoint, rows["input_ids"])}


def original_of(
    version: ModelVersion, checkpoint: Checkpoint, model: Module, evaluation: Evaluation | None, tell: Tell
) -> Original:
    """Ask the original everything: the evaluation's lines, or else those that come with Tritext."""
    graph = served_graph(checkpoint, model, version.blueprint)
    reference = Reference(checkpoint, graph, max_length=version.max_length)
    texts = (*own_texts(), _long_text(version.max_length))
    lines = list(evaluation.lines) if evaluation else checkpoint.task.probes(checkpoint, texts)
    for done, line in enumerate(lines):
        tell("computing the original's answers", 0.1 + 0.3 * done / len(lines))
        reference.rows([line])
    return Original(
        checkpoint=checkpoint, graph=graph, lines=lines, evaluation=evaluation, reference=reference
    )


def mixed(lines: Sequence[Line], count: int) -> list[Line]:
    """At most `count` of the lines, evenly from the shortest to the longest, in an order that mixes lengths."""
    by_length = sorted(lines, key=lambda line: len(line) if isinstance(line, str) else sum(map(len, line)))
    picks = np.linspace(0, len(lines) - 1, min(count, len(lines))).round().astype(int)
    return [by_length[pick] for pick in np.random.default_rng(0).permutation(picks)]


def own_texts() -> tuple[str, ...]:
    """The sentences that come with Tritext: many lengths, scripts and oddities, one JSON string a line."""
    lines = (files(__package__) / "gate_texts.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def _long_text(max_length: int) -> str:
    """A text that fills a row of `max_length` tokens, or of `LONGEST_PROBE` if that is less."""
    words = " ".join(own_texts()).split()
    return " ".join(words[: min(max_length, LONGEST_PROBE)])
