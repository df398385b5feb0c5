"""A checkpoint on disk as the build sees it: its task, labels, limits, tokenizer and weights.

Everything is read from the checkpoint's own files and the model's own signature, never from a list of
model names. Loading runs no code of the checkpoint's, and unpickles nothing unless the user allowed it.
"""

import inspect
import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers.normalizers import Lowercase, Sequence
from transformers import CONFIG_MAPPING, AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerFast

from tritext.checkpoints import locate, transformer_folder

from .errors import BadCheckpoint, MaxLengthOutOfRange
from .quiet import quiet
from .sentence_modules import SentenceModules, encoder_settings, read_sentence_modules
from .tasks import Task, task_of

LEAST_LENGTH = 8
"""The smallest useful max_length: a few words and their special tokens."""

DEFAULT_LENGTH = 512
"""The largest max_length that nobody asked for. Attention's memory grows with the square of the longest text of a
batch, so who wants the 8,192 tokens that some models take says so."""

NO_LENGTH = 10**9
"""Tokenizers that know no longest text name a number far beyond this one."""

UNUSED_WEIGHTS = ("pooler.",)
"""Of bare encoders: embeddings are made of the tokens' vectors, which the pooler comes after."""

LOADING = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says of itself, without its weights.

    Attributes:
        source: The checkpoint as the user named it.
        path: Its folder. The model lies in it, or in the folder of it that `modules.json` names.
        labels: By output index.
        input_names: The model's inputs that the tokenizer fills, in the order of the model's signature.
        length_limit: The longest input in tokens, special tokens included, that the model can take.
        default_length: The longest input where nobody asks for another: what the tokenizer or sentence-transformers
            declares, 512 at most.
        allow_pickle: Whether pickled weights may be read.
    """

    source: str
    path: Path
    task: Task
    labels: tuple[str, ...]
    input_names: tuple[str, ...]
    length_limit: int
    default_length: int
    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerFast
    allow_pickle: bool = False

    def max_length(self, asked: int | None) -> int:
        """The width of the input rows: what was asked for, or the checkpoint's default.

        Raises:
            MaxLengthOutOfRange: More than the model's positions, or too few for a text.
        """
        if asked is None:
            return self.default_length
        if not LEAST_LENGTH <= asked <= self.length_limit:
            raise MaxLengthOutOfRange(max_length=asked, least=LEAST_LENGTH, limit=self.length_limit)
        return asked

    @cached_property
    def sentence_modules(self) -> SentenceModules:
        """How sentence-transformers makes an embedding of this encoder's token vectors.

        Raises:
            BadCheckpoint: By modules that are not served.
        """
        with _translated(self.source):
            return read_sentence_modules(self.path, source=self.source, allow_pickle=self.allow_pickle)

    @cached_property
    def ranking_function(self) -> str:
        """What sentence-transformers' cross-encoder makes of the logits: "sigmoid" or "none".

        Its order: what the checkpoint declares, in the file of this release or in the config as older ones did; else
        a sigmoid for a single output.

        Raises:
            BadCheckpoint: Another function.
        """
        with _translated(self.source):
            own = _json(self.path / "config_sentence_transformers.json").get("activation_fn")
        nested = (getattr(self.config, "sentence_transformers", None) or {}).get("activation_fn")
        older = getattr(self.config, "sbert_ce_default_activation_function", None)
        declared = str(own or nested or older or "")
        # What is not torch's would be foreign code, and counts there as not declared, too.
        if not declared.startswith("torch."):
            return "sigmoid" if len(self.labels) == 1 else "none"
        functions = {"Sigmoid": "sigmoid", "Identity": "none"}
        if (name := declared.rpartition(".")[2]) not in functions:
            raise BadCheckpoint(
                source=self.source,
                reason=f"its scores go through {declared}",
                remedy="A cross-encoder's scores are served with a sigmoid or as they are.",
            )
        return functions[name]

    def training_report(self) -> dict[str, Any] | None:
        """`training_report.json` beside the weights, if `tritext train` made this checkpoint."""
        return _json(self.path / "training_report.json") or None


def open_checkpoint(
    source: str, *, task: str | None = None, revision: str | None = None, allow_pickle: bool = False
) -> tuple[Checkpoint, torch.nn.Module]:
    """Read a Hub id or a local folder, for the task asked for or the one that its architecture is for.

    Returns:
        The checkpoint and its model: FP32, in evaluation mode.

    Raises:
        BadCheckpoint: Damaged, incomplete, quantized, without a fast tokenizer, or without a trained head.
        UnsupportedTask: No task serves its architecture.
    """
    path = locate(source, revision=revision, allow_pickle=allow_pickle)
    folder = transformer_folder(path)
    config = _load_config(folder, source)
    embeds = (path / "modules.json").is_file()
    served_as = task_of(config, source=source, asked=task, embeds=embeds)
    tokenizer = _load_tokenizer(folder, source)
    model = _load_model(folder, served_as, source)
    limit = _length_limit(model, tokenizer)
    with _translated(source):
        declared = _declared_lengths(folder, tokenizer)
    checkpoint = Checkpoint(
        source=source,
        path=path,
        task=served_as,
        labels=tuple(label for _, label in sorted((config.id2label or {}).items())),
        input_names=_input_names(model, tokenizer, source),
        length_limit=limit,
        default_length=min(limit, DEFAULT_LENGTH, *declared),
        config=config,
        tokenizer=tokenizer,
        allow_pickle=allow_pickle,
    )
    return checkpoint, model


def _load_config(folder: Path, source: str) -> PretrainedConfig:
    with _translated(source):
        settings, _ = PretrainedConfig.get_config_dict(folder, local_files_only=True)
    kind = settings.get("model_type")
    if kind not in CONFIG_MAPPING and "auto_map" in settings:
        raise BadCheckpoint(
            source=source,
            reason=f"its model {kind!r} is code of its author's (auto_map in config.json), and no code of a "
            f"checkpoint is ever run",
            remedy="Take a model that transformers itself knows.",
        )
    if quantized := settings.get("quantization_config"):
        raise BadCheckpoint(
            source=source,
            reason=f"its weights are quantized already ({quantized.get('quant_method', 'by an unnamed method')})",
            remedy="Build the original it was made from, with --precision int8 if it shall be small.",
        )
    with _translated(source):
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, **LOADING)
    return config


def _load_tokenizer(folder: Path, source: str) -> PreTrainedTokenizerFast:
    with _translated(source):
        tokenizer = AutoTokenizer.from_pretrained(folder, **LOADING)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise BadCheckpoint(
            source=source,
            reason=f"its tokenizer {type(tokenizer).__name__} has no fast version",
            remedy="Convert it to a tokenizer.json first.",
        )
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise BadCheckpoint(
            source=source,
            reason="its tokenizer has no vocabulary",
            remedy="Expected a tokenizer.json, or the vocabulary files of its tokenizer's class.",
        )
    if tokenizer.pad_token_id is None:
        raise BadCheckpoint(
            source=source,
            reason="its tokenizer has no pad token, so texts of different length cannot share a batch",
            remedy="Set pad_token in its tokenizer_config.json.",
        )
    with _translated(source):
        if encoder_settings(folder).get("do_lower_case"):
            _lowercase(tokenizer)
    return tokenizer


def _lowercase(tokenizer: PreTrainedTokenizerFast) -> None:
    """Let a tokenizer lowercase all texts before whatever else it does to them."""
    backend = tokenizer.backend_tokenizer
    backend.normalizer = Sequence([Lowercase(), *filter(None, [backend.normalizer])])


def _load_model(folder: Path, task: Task, source: str) -> torch.nn.Module:
    with _translated(source):
        model, loading = task.auto_model.from_pretrained(
            folder,
            **LOADING,
            use_safetensors=any(folder.glob("*.safetensors")),
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
            attn_implementation="eager",
        )
    missing = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading.get("mismatched_keys", ()))
    missing = [key for key in missing if not key.startswith(UNUSED_WEIGHTS)]
    if missing:
        raise BadCheckpoint(
            source=source,
            reason=f"its weights lack {', '.join(missing[:3])}{' and more' if len(missing) > 3 else ''}",  # noqa: PLR2004
            remedy="Fine-tune it for the task first, for instance with `tritext train`.",
        )
    evaluated: torch.nn.Module = model.eval()
    return evaluated


def _input_names(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, source: str) -> tuple[str, ...]:
    """The model's forward arguments that the tokenizer produces."""
    produced = {*tokenizer.model_input_names, "attention_mask"}
    names = tuple(name for name in inspect.signature(model.forward).parameters if name in produced)
    if "attention_mask" not in names:
        raise BadCheckpoint(
            source=source,
            reason=f"its {type(model).__name__} takes no attention_mask, so a text's answer would depend on how far "
            f"it is padded",
            remedy="Take a model that attends to a text's own tokens only.",
        )
    return names


def _length_limit(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> int:
    """The tokens that the model's position table holds.

    Without a table (relative or rotary positions) nothing breaks past the length that the config states, so that a
    tokenizer made for longer texts has the word.
    """
    stated = getattr(model.config, "max_position_embeddings", None) or 0
    if tables := list(_position_tables(model)):
        return min(*tables, stated if stated > 0 else min(tables))
    declared = int(tokenizer.model_max_length)
    return max(stated, declared if declared < NO_LENGTH else 0) or DEFAULT_LENGTH


def _position_tables(model: torch.nn.Module) -> Iterator[int]:
    """The tokens that each table of absolute positions holds.

    Models in RoBERTa's style number their positions from padding_idx + 1, so 514 rows hold 512 tokens.
    """
    for name, module in model.named_modules():
        table = getattr(module, "weight", None)
        if name.endswith("position_embeddings") and isinstance(table, torch.Tensor):
            padding = getattr(module, "padding_idx", None)
            yield len(table) - (0 if padding is None else int(padding) + 1)


def _declared_lengths(folder: Path, tokenizer: PreTrainedTokenizerFast) -> tuple[int, ...]:
    """What tokenizer and sentence-transformers call the longest text, each if it does."""
    declared = (tokenizer.model_max_length, encoder_settings(folder).get("max_seq_length"))
    return tuple(int(length) for length in declared if length and length < NO_LENGTH)


def _json(path: Path) -> dict[str, Any]:
    """What a file of settings holds; nothing where it is missing."""
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return settings


@contextmanager
def _translated(source: str) -> Iterator[None]:
    """The boundary to transformers: its many errors on unreadable files become one sentence."""
    try:
        with quiet():
            yield
    except (
        *(OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError),
        *(SafetensorError, pickle.UnpicklingError),
    ) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadCheckpoint(
            source=source,
            reason=f"reading it failed with {first_line!r}",
            remedy="Expected a folder in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.",
        ) from error
