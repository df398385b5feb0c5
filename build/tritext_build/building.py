"""The story of a build: open the checkpoint, export it, pass the gates, publish."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from torch.nn import Module

from tritext.records import LabelledTexts

from . import gates
from .checkpoint import Checkpoint, open_checkpoint
from .errors import GateFailed, UnknownEvaluationLabels
from .formats import format_for
from .gates import Candidate, Gate
from .graph import ServedGraph
from .layout import ModelVersion, check_name
from .manifest import Manifest, make_manifest
from .publish import choose_version, publish, staging
from .reference import Reference
from .runtime.encoding import Encoder

Tell = Callable[[str, float], None]
"""Called with what is being done and how much of it is done, 0 to 1."""

COMPANY_TEXTS = 64
"""How many texts are computed alone as well as in batches."""


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What is asked of a build. `evaluation` adds a gate on the task's metric, and gives the gates their texts."""

    checkpoint: str
    name: str
    repository: Path
    revision: str | None = None
    version: int | None = None
    format: str = "onnx"
    precision: str = "fp32"
    max_length: int | None = None
    evaluation: LabelledTexts | None = None


def build(request: BuildRequest, *, tell: Tell = lambda _what, _done: None) -> Manifest:
    """Turn a checkpoint into a published model version.

    Raises:
        BuildError: With one sentence; the repository is as it was.
        GateFailed: A gate did not hold; nothing was published.
    """
    version, checkpoint, model = _open(request, tell)
    evaluation = _evaluation(request.evaluation, checkpoint)
    with staging(request.repository) as staged:
        _write(version, checkpoint, staged)
        recipe, measured = _export(version, checkpoint, model, evaluation, staged, tell)
        tell("publishing", 0.95)
        manifest = make_manifest(version, checkpoint, measured, recipe, staged)
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
    checkpoint, model = open_checkpoint(request.checkpoint, revision=request.revision)
    version = ModelVersion(
        name=request.name,
        version=number,
        task=checkpoint.task,
        labels=checkpoint.labels,
        function_to_apply=checkpoint.function_to_apply,
        input_names=checkpoint.input_names,
        max_length=checkpoint.max_length(request.max_length),
        pad_token_id=int(checkpoint.tokenizer.pad_token_id),
        truncation_side=checkpoint.tokenizer.truncation_side,
        format=form,
        precision=request.precision,
    )
    return version, checkpoint, model


def _export(
    version: ModelVersion,
    checkpoint: Checkpoint,
    model: Module,
    evaluation: "_Evaluation | None",
    staged: Path,
    tell: Tell,
) -> tuple[str, tuple[Gate, ...]]:
    """Write the graph by the first recipe of its precision whose gates hold; the recipe and what was measured."""
    form, path = version.format, staged / version.graph_path
    encoder = Encoder.from_file(staged / version.tokenizer_path, **version.encoder_settings())
    texts = evaluation.texts if evaluation else _own_texts()
    reference = _reference(checkpoint, model, version, texts, tell)
    graph = ServedGraph(model, input_names=version.input_names, function_to_apply=version.function_to_apply)
    example = encoder.encode(_mixed(texts, 2)).inputs
    failures: list[Gate] = []
    for recipe in form.recipes[version.precision]:
        tell(f"exporting to {form.name} in {recipe}", 0.4)
        form.export(graph, example, path, recipe)
        tell("checking the gates", 0.6)
        measured = _measure(Candidate(encoder, form.load(path)), reference, version, evaluation, texts)
        failures = gates.failed(measured)
        if not failures:
            return recipe, measured
    raise GateFailed(name=version.name, sentences=[gate.sentence() for gate in failures])


@dataclass(frozen=True)
class _Evaluation:
    """Labelled texts with their truth in the shape of the task's decisions."""

    texts: tuple[str, ...]
    truth: npt.NDArray[np.int64]


def _write(version: ModelVersion, checkpoint: Checkpoint, staged: Path) -> None:
    """Everything of the version but its graph and its manifest."""
    for model in version.models:
        (staged / model / str(version.version)).mkdir(parents=True)
    for path, content in version.files().items():
        (staged / path).write_bytes(content)
    tokenizer = Tokenizer.from_str(checkpoint.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    (staged / version.tokenizer_path).write_text(tokenizer.to_str(), encoding="utf-8")


def _reference(
    checkpoint: Checkpoint, model: Module, version: ModelVersion, texts: Sequence[str], tell: Tell
) -> Reference:
    """The original's answers to all texts, computed before the export touches the model."""
    reference = Reference(checkpoint, model, max_length=version.max_length)
    for done, text in enumerate(texts):
        tell("computing the original's answers", 0.1 + 0.3 * done / len(texts))
        reference.outputs([text])
    return reference


def _measure(
    candidate: Candidate,
    reference: Reference,
    version: ModelVersion,
    evaluation: _Evaluation | None,
    texts: Sequence[str],
) -> tuple[Gate, ...]:
    measured = gates.fidelity(candidate, reference, precision=version.precision, texts=texts)
    measured += gates.company(candidate, precision=version.precision, texts=_mixed(texts, COMPANY_TEXTS))
    if evaluation:
        measured += gates.evaluation(candidate, reference, evaluation.texts, evaluation.truth)
    return tuple(measured)


def _evaluation(data: LabelledTexts | None, checkpoint: Checkpoint) -> _Evaluation | None:
    if data is None:
        return None
    index = {label: position for position, label in enumerate(checkpoint.labels)}
    if unknown := {label for row in data.labels for label in row} - set(index):
        raise UnknownEvaluationLabels(path=data.path, unknown=unknown, known=checkpoint.labels)
    if checkpoint.function_to_apply != "sigmoid":
        return _Evaluation(data.texts, np.array([[index[label]] for (label,) in data.labels]))
    truth = np.zeros((len(data), len(index)), np.int64)
    for row, labels in enumerate(data.labels):
        truth[row, [index[label] for label in labels]] = 1
    return _Evaluation(data.texts, truth)


def _own_texts() -> tuple[str, ...]:
    """The sentences that come with Tritext: many lengths, scripts and oddities, one JSON string a line."""
    lines = (files(__package__) / "gate_texts.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def _mixed(texts: Sequence[str], count: int) -> list[str]:
    """At most `count` of the texts, evenly from the shortest to the longest, in an order that mixes lengths."""
    by_length = sorted(texts, key=len)
    picks = np.linspace(0, len(texts) - 1, min(count, len(texts))).round().astype(int)
    return [by_length[pick] for pick in np.random.default_rng(0).permutation(picks)]
