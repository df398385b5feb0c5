"""The story of a build: open the checkpoint, export it, pass the gates, publish."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from torch.nn import Module

from tritext.records import LabelledTexts

from . import gates
from .checkpoint import Checkpoint, open_checkpoint
from .errors import GateFailed
from .formats import EXAMPLE_ROWS, Example, Export, format_for
from .gates import Candidate, Gate
from .graph import ServedGraph, served_graph
from .layout import ModelVersion, check_name
from .manifest import Manifest, make_manifest
from .publish import choose_version, publish, staging
from .reference import Reference
from .runtime.encoding import Encoder, Line
from .tasks import TextClassification
from .tasks.task import DEFAULT_OPTIONS, Evaluation, TaskOptions

Tell = Callable[[str, float], None]
"""Called with what is being done and how much of it is done, 0 to 1."""

COMPANY_LINES = 64
"""How many lines are computed alone as well as in batches."""

LONGEST_PROBE = 512
"""Words of the longest text that the gates ask: a word is a token or more, and attention grows with their square."""


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What is asked of a build. `evaluation` adds a gate on the task's metric, and gives the gates their texts.

    Without a `task` the checkpoint decides, unless the options are those of a certain one.
    """

    checkpoint: str
    name: str
    repository: Path
    task: str | None = None
    options: TaskOptions = DEFAULT_OPTIONS
    revision: str | None = None
    allow_pickle: bool = False
    version: int | None = None
    format: str = "onnx"
    precision: str = "fp32"
    max_length: int | None = None
    evaluation: LabelledTexts | None = None

    @property
    def wanted_task(self) -> str | None:
        """Asked for by name, or by an option that only one task has."""
        return self.task or (TextClassification.name if self.options.pairs else None)


def build(request: BuildRequest, *, tell: Tell = lambda _what, _done: None) -> Manifest:
    """Turn a checkpoint into a published model version.

    Raises:
        BuildError: With one sentence; the repository is as it was.
        GateFailed: A gate did not hold; nothing was published.
    """
    version, checkpoint, model = _open(request, tell)
    original = _original(request, version, checkpoint, model, tell)
    version = original.calibrated(version)
    with staging(request.repository) as staged:
        _write(version, checkpoint, staged)
        export, measured = _export(version, original, staged, tell)
        tell("publishing", 0.95)
        manifest = make_manifest(version, checkpoint, measured, export, staged)
        (staged / version.manifest_path).write_text(manifest.to_json(), encoding="utf-8")
        publish(version, staged, request.repository)
    tell("published", 1)
    return manifest


def _open(request: BuildRequest, tell: Tell) -> tuple[ModelVersion, Checkpoint, Module]:
    """Check what was asked, cheapest first, and read the checkpoint."""
    check_name(request.name)
    form = format_for(request.format, precision=request.precision)
    number = choose_version(request.repository, request.name, request.version)
    tell("reading the checkpoint", 0)
    checkpoint, model = open_checkpoint(
        request.checkpoint,
        task=request.wanted_task,
        revision=request.revision,
        allow_pickle=request.allow_pickle,
    )
    version = ModelVersion(
        name=request.name,
        version=number,
        task=checkpoint.task,
        blueprint=checkpoint.task.blueprint(checkpoint, request.options),
        input_names=checkpoint.input_names,
        max_length=checkpoint.max_length(request.max_length),
        pad_token_id=int(checkpoint.tokenizer.pad_token_id),
        truncation_side=checkpoint.tokenizer.truncation_side,
        format=form,
        precision=request.precision,
    )
    return version, checkpoint, model


@dataclass(frozen=True, kw_only=True)
class _Original:
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


def _original(
    request: BuildRequest, version: ModelVersion, checkpoint: Checkpoint, model: Module, tell: Tell
) -> _Original:
    evaluation = checkpoint.task.evaluation(checkpoint, request.evaluation) if request.evaluation else None
    graph = served_graph(checkpoint, model, version.blueprint)
    reference = Reference(checkpoint, graph, max_length=version.max_length)
    texts = (*_own_texts(), _long_text(version.max_length))
    lines = list(evaluation.lines) if evaluation else checkpoint.task.probes(checkpoint, texts)
    for done, line in enumerate(lines):
        tell("computing the original's answers", 0.1 + 0.3 * done / len(lines))
        reference.rows([line])
    return _Original(
        checkpoint=checkpoint, graph=graph, lines=lines, evaluation=evaluation, reference=reference
    )


def _export(
    version: ModelVersion, original: _Original, staged: Path, tell: Tell
) -> tuple[Export, tuple[Gate, ...]]:
    """Write the graph in the first way to its precision whose gates hold; which it was, and what was measured."""
    form, path, graph = version.format, staged / version.graph_path, original.graph
    encoder = Encoder.from_file(staged / version.tokenizer_paths[0], **version.encoder_settings())
    example = _example(version, original, encoder)
    failures: list[Gate] = []
    tell(f"exporting to {form.name}", 0.4)
    for export in form.exports(graph, example, path, version.precision):
        tell(f"checking the gates of {export.recipe}", 0.6)
        run = form.load(path, graph.output_names)
        candidate = Candidate(original.checkpoint, encoder, run, version.blueprint.graph_outputs)
        measured = _measure(candidate, original, precision=version.precision)
        failures = gates.failed(measured)
        if not failures:
            return export, measured
        tell(f"trying another way than {export.recipe}", 0.5)
    raise GateFailed(name=version.name, sentences=[gate.sentence() for gate in failures])


def _example(version: ModelVersion, original: _Original, encoder: Encoder) -> Example:
    """Rows of many lengths, to trace the graph with and to measure on."""
    own = version.task.probes(original.checkpoint, _own_texts())
    probes = original.lines if len(original.lines) >= EXAMPLE_ROWS else own
    rows = encoder.encode(_mixed(probes, version.format.example_rows), truncate=version.task.truncate).inputs
    return {**rows, **version.task.extra_inputs(original.checkpoint, rows["input_ids"])}


def _write(version: ModelVersion, checkpoint: Checkpoint, staged: Path) -> None:
    """Everything of the version but its graph and its manifest."""
    for path, content in version.files().items():
        (staged / path).parent.mkdir(parents=True, exist_ok=True)
        (staged / path).write_bytes(content)
    for model in version.models:
        (staged / model / str(version.version)).mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_str(checkpoint.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for target in version.tokenizer_paths:
        (staged / target).write_text(tokenizer.to_str(), encoding="utf-8")


def _measure(candidate: Candidate, original: _Original, *, precision: str) -> tuple[Gate, ...]:
    checkpoint, reference, lines = original.checkpoint, original.reference, original.lines
    measured = gates.fidelity(candidate, reference, checkpoint, precision=precision, lines=lines)
    measured += gates.company(candidate, checkpoint, precision=precision, lines=_mixed(lines, COMPANY_LINES))
    if original.evaluation:
        measured += gates.evaluation(candidate, reference, original.evaluation)
    return tuple(measured)


def _own_texts() -> tuple[str, ...]:
    """The sentences that come with Tritext: many lengths, scripts and oddities, one JSON string a line."""
    lines = (files(__package__) / "gate_texts.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def _long_text(max_length: int) -> str:
    """A text that fills a row of `max_length` tokens, or of `LONGEST_PROBE` if that is less."""
    words = " ".join(_own_texts()).split()
    return " ".join(words[: min(max_length, LONGEST_PROBE)])


def _mixed(lines: Sequence[Line], count: int) -> list[Line]:
    """At most `count` of the lines, evenly from the shortest to the longest, in an order that mixes lengths."""
    by_length = sorted(lines, key=lambda line: len(line) if isinstance(line, str) else sum(map(len, line)))
    picks = np.linspace(0, len(lines) - 1, min(count, len(lines))).round().astype(int)
    return [by_length[pick] for pick in np.random.default_rng(0).permutation(picks)]
