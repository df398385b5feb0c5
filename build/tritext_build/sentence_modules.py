"""What a sentence-transformers checkpoint declares beside its encoder: pooling, layers behind it, prompts.

It reads the JSON files of that layout as data. It builds no module and opens no weights.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tritext.checkpoints import transformer_folder

from .errors import BadCheckpoint

POOLING_FLAGS: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""How older releases write the modes, in the order in which several of them are concatenated."""

POOLING_MODES = tuple(POOLING_FLAGS.values())

TORCH_MODULES = ("torch.nn.modules.activation.", "torch.nn.modules.linear.")
DROPPED = "Dropout"
"""Does nothing outside of training."""


@dataclass(frozen=True, kw_only=True)
class DenseLayer:
    """A linear layer behind the pooling.

    Attributes:
        weights: A file with `linear.weight` [out_features, in_features] and, with `bias`, `linear.bias`: safetensors,
            or a pickle where the user allowed it.
        activation: The class in `torch.nn` of what follows, without arguments: "Tanh", "Identity", ….
    """

    in_features: int
    out_features: int
    bias: bool
    activation: str
    weights: Path


@dataclass(frozen=True, kw_only=True)
class SentenceModules:
    """How an encoder's token vectors become one embedding: pooled, through the dense layers, normalised.

    The defaults are what sentence-transformers makes of an encoder without such files.

    Attributes:
        pooling: Modes by sentence-transformers' names; the vectors of several are concatenated.
        include_prompt: Whether the tokens of a prompt are pooled, too.
        normalize: Whether embeddings end with length 1.
        prompts: Texts that are put before a text, by name.
        default_prompt: The name of the prompt that is used when none is asked for.
        max_seq_length: The longest text in tokens that it was trained for, if it says so.
        lowercase: Whether texts are lowercased before tokenization, whatever the tokenizer does.
    """

    pooling: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    dense: tuple[DenseLayer, ...] = ()
    normalize: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    max_seq_length: int | None = None
    lowercase: bool = False


def read_sentence_modules(folder: Path, *, source: str, allow_pickle: bool = False) -> SentenceModules:
    """Read `modules.json` and what it names; the defaults where there is none.

    Raises:
        BadCheckpoint: A module that is not served, or files that contradict each other.
    """
    settings = encoder_settings(transformer_folder(folder))
    prompts = _prompts(_read(folder / "config_sentence_transformers.json"), source)
    facts = {
        "max_seq_length": settings.get("max_seq_length"),
        "lowercase": bool(settings.get("do_lower_case", False)),
        **prompts,
    }
    listed = folder / "modules.json"
    if not listed.is_file():
        return SentenceModules(**facts)
    kinds = [(_kind(module, source), folder / module["path"]) for module in _load(listed)]
    return SentenceModules(**_modules(kinds, source=source, allow_pickle=allow_pickle), **facts)


def encoder_settings(folder: Path) -> dict[str, Any]:
    """What sentence-transformers keeps beside the encoder's weights, such as `max_seq_length` and `do_lower_case`.

    Older releases named the file after the encoder's family.
    """
    named = sorted(folder.glob("sentence_*_config.json"))
    return _read(named[0]) if named else {}


def _modules(kinds: Sequence[tuple[str, Path]], *, source: str, allow_pickle: bool) -> dict[str, Any]:
    """The modules in their order: an encoder, its pooling, dense layers, at the end perhaps the normalisation."""
    names = [kind for kind, _ in kinds if kind != DROPPED]
    normalize = names[-1:] == ["Normalize"]
    if names[:2] != ["Transformer", "Pooling"] or set(names[2 : -1 if normalize else None]) - {"Dense"}:
        raise BadCheckpoint(
            source=source,
            reason=f"its modules.json makes embeddings by {', '.join(names) or 'nothing'}",
            remedy="Expected Transformer, Pooling, any number of Dense, and Normalize or not, in this order.",
        )
    return {
        **_pooling(dict(kinds)["Pooling"], source),
        "dense": tuple(_dense(path, source, allow_pickle) for kind, path in kinds if kind == "Dense"),
        "normalize": normalize,
    }


def _kind(module: Mapping[str, Any], source: str) -> str:
    """The class of a module without its place, which moved between releases."""
    package, _, kind = str(module["type"]).rpartition(".")
    if not package.startswith("sentence_transformers"):
        raise BadCheckpoint(
            source=source,
            reason=f"its modules.json wants {module['type']}, code of its author's that would have to be run",
            remedy="Take a checkpoint whose modules are sentence-transformers' own.",
        )
    return kind


def _pooling(folder: Path, source: str) -> dict[str, Any]:
    settings = _read(folder / "config.json")
    flagged = tuple(mode for flag, mode in POOLING_FLAGS.items() if settings.get(flag))
    named = settings.get("pooling_mode", flagged or "mean")
    modes = (named,) if isinstance(named, str) else tuple(named)
    if unknown := set(modes) - set(POOLING_MODES):
        raise BadCheckpoint(
            source=source,
            reason=f"it pools by {', '.join(sorted(unknown))}",
            remedy=f"Known are {', '.join(POOLING_MODES)}.",
        )
    return {"pooling": modes, "include_prompt": bool(settings.get("include_prompt", True))}


def _dense(folder: Path, source: str, allow_pickle: bool) -> DenseLayer:  # noqa: FBT001 - as asked of the build
    settings = _read(folder / "config.json")
    activation = str(settings.get("activation_function", "torch.nn.modules.activation.Tanh"))
    ends = {settings.get(f"module_{end}_name") or "sentence_embedding" for end in ("input", "output")}
    if settings.get("use_residual") or ends != {"sentence_embedding"}:
        raise BadCheckpoint(
            source=source,
            reason=f"the layer {folder.name} is more than a linear layer with an activation",
            remedy="Residual layers, and layers of anything but the sentence's embedding, are not served.",
        )
    if not activation.startswith(TORCH_MODULES):
        raise BadCheckpoint(
            source=source,
            reason=f"the layer {folder.name} wants the activation {activation}",
            remedy="Only activations of torch.nn are served, since others would be foreign code.",
        )
    return DenseLayer(
        in_features=int(settings["in_features"]),
        out_features=int(settings["out_features"]),
        bias=bool(settings.get("bias", True)),
        activation=activation.rpartition(".")[2],
        weights=_weights(folder, source, allow_pickle),
    )


def _weights(folder: Path, source: str, allow_pickle: bool) -> Path:  # noqa: FBT001 - as asked of the build
    if (folder / "model.safetensors").is_file():
        return folder / "model.safetensors"
    pickled = folder / "pytorch_model.bin"
    if allow_pickle and pickled.is_file():
        return pickled
    raise BadCheckpoint(
        source=source,
        reason=f"the layer {folder.name} has no model.safetensors",
        remedy="Its weights are pickled, which can run foreign code: give --allow-pickle if you trust its author."
        if pickled.is_file()
        else "The checkpoint is incomplete.",
    )


def _prompts(settings: Mapping[str, Any], source: str) -> dict[str, Any]:
    prompts = {name: text or "" for name, text in (settings.get("prompts") or {}).items()}
    default = settings.get("default_prompt_name")
    if default is not None and default not in prompts:
        raise BadCheckpoint(
            source=source,
            reason=f"its default prompt {default!r} is not among its prompts",
            remedy="Correct config_sentence_transformers.json.",
        )
    return {"prompts": prompts, "default_prompt": default}


def _read(path: Path) -> dict[str, Any]:
    """The settings in a file; none where it is missing."""
    settings: dict[str, Any] = _load(path) if path.is_file() else {}
    return settings


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
