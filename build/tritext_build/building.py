"""The story of a build: open the checkpoint, export it, pass the gates, publish."""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer
from torch.nn import Module

from tritext.records import LabelledTexts

from .checkpoint import Checkpoint, open_checkpoint
from .explaining import explaining_of
from .exporting import exported, fastest
from .formats import AUTO, format_for
from .layout import ModelVersion, check_name
from .manifest import Manifest, make_manifest
from .original import Tell, original_of
from .probes import write_probes
from .publish import choose_version, publish, staging
from .registered import reported, settled
from .tasks import TextClassification
from .tasks.task import DEFAULT_OPTIONS, TaskOptions


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What is asked of a build. `evaluation` adds a gate on the task's metric, and gives the gates their texts.

    `explain` adds the model that explains the answers.
    Without a `task` the checkpoint decides, unless the options are those of a certain one. The precision `auto` is the
    fastest whose gates hold.
    """

    checkpoint: str
    """A folder, a Hub id, or a registered version, `models:/NAME/7`, which keeps its number and gives its name."""
    repository: Path
    name: str = ""
    task: str | None = None
    options: TaskOptions = DEFAULT_OPTIONS
    revision: str | None = None
    allow_pickle: bool = False
    version: int | None = None
    format: str = "onnx"
    precision: str = "fp32"
    max_length: int | None = None
    evaluation: LabelledTexts | None = None
    explain: bool = False

    @property
    def wanted_task(self) -> str | None:
        """Asked for by name, or by an option that only one task has."""
        return self.task or (TextClassification.name if self.options.pairs else None)


def build(request: BuildRequest, *, tell: Tell = lambda _what, _done: None) -> Manifest:
    """Turn a checkpoint into a published model version; the registry hears of it, if the checkpoint comes from there.

    Raises:
        BuildError: With one sentence; the repository is as it was.
        GateFailed: A gate did not hold; nothing was published.
    """
    request, found = settled(request)
    with reported(request, found) as outcome:
        outcome.manifest = _build(request, tell)
    return outcome.manifest


def _build(request: BuildRequest, tell: Tell) -> Manifest:
    version, checkpoint, model = _open(request, tell)
    evaluation = checkpoint.task.evaluation(checkpoint, request.evaluation) if request.evaluation else None
    original = original_of(version, checkpoint, model, evaluation, tell)
    version = original.calibrated(version)
    with staging(request.repository) as staged:
        _write(version, checkpoint, staged)
        export = fastest if request.precision == AUTO else exported
        made = export(version, original, staged, tell)
        # The precision, which is known only now, stands in the configurations.
        _write(made.version, checkpoint, staged)
        write_probes(made.version, checkpoint, original.graph.output_names, staged)
        tell("publishing", 0.95)
        manifest = make_manifest(made, checkpoint, staged)
        (staged / version.manifest_path).write_text(manifest.to_json(), encoding="utf-8")
        publish(made.version, staged, request.repository)
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
        precision=form.precisions[0] if request.precision == AUTO else request.precision,
        explaining=explaining_of(checkpoint) if request.explain else None,
    )
    return version, checkpoint, model


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
