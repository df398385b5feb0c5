"""A checkpoint on disk as the build sees it: its task, labels, limits, tokenizer and weights.

Everything is read from the checkpoint's own files and the model's own signature, never from a list of
model names. Loading runs no code and unpickles nothing from the checkpoint.
"""

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerFast

from tritext.checkpoints import locate

from .errors import BadCheckpoint, MaxLengthOutOfRange
from .quiet import quiet
from .tasks import Task, task_of

LEAST_LENGTH = 8
"""The smallest useful max_length: a few words and their special tokens."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says of itself, without its weights.

    Attributes:
        source: The checkpoint as the user named it.
        labels: By output index.
        input_names: The model's inputs that the tokenizer fills, in the order of the model's signature.
        length_limit: The longest input in tokens, special tokens included.
    """

    source: str
    path: Path
    task: Task
    labels: tuple[str, ...]
    input_names: tuple[str, ...]
    length_limit: int
    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerFast

    def max_length(self, asked: int | None) -> int:
        """The width of the input rows: what was asked for, or all that the checkpoint takes.

        Raises:
            MaxLengthOutOfRange: More than the model's positions, or too few for a text.
        """
        if asked is None:
            return self.length_limit
        if not LEAST_LENGTH <= asked <= self.length_limit:
            raise MaxLengthOutOfRange(max_length=asked, least=LEAST_LENGTH, limit=self.length_limit)
        return asked

    def training_report(self) -> dict[str, Any] | None:
        """`training_report.json` beside the weights, if `tritext train` made this checkpoint."""
        path = self.path / "training_report.json"
        if not path.is_file():
            return None
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report


def open_checkpoint(
    source: str, *, task: str | None = None, revision: str | None = None, allow_pickle: bool = False
) -> tuple[Checkpoint, torch.nn.Module]:
    """Read a Hub id or a local folder, for the task asked for or the one that its architecture is for.

    Returns:
        The checkpoint and its model: FP32, in evaluation mode.

    Raises:
        BadCheckpoint: Damaged, incomplete, without a fast tokenizer, or without a trained head.
        UnsupportedTask: No task serves its architecture.
    """
    path = locate(source, revision=revision)
    with _translated(source):
        config = AutoConfig.from_pretrained(path, local_files_only=True)
    served_as = task_of(config, source=source, asked=task)
    tokenizer = _load_tokenizer(path, source)
    model = _load_model(path, served_as, source)
    checkpoint = Checkpoint(
        source=source,
        path=path,
        task=served_as,
        labels=tuple(config.id2label[index] for index in range(config.num_labels)),
        input_names=_input_names(model, tokenizer),
        length_limit=_length_limit(model, tokenizer),
        config=config,
        tokenizer=tokenizer,
    )
    return checkpoint, model


def _load_tokenizer(path: Path, source: str) -> PreTrainedTokenizerFast:
    with _translated(source):
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
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
    return tokenizer


def _load_model(path: Path, task: Task, source: str) -> torch.nn.Module:
    with _translated(source):
        model, loading = task.auto_model.from_pretrained(
            path,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            attn_implementation="eager",
        )
    missing = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading.get("mismatched_keys", ()))
    if missing:
        raise BadCheckpoint(
            source=source,
            reason=f"its weights lack {', '.join(missing[:3])}{' and more' if len(missing) > 3 else ''}",  # noqa: PLR2004
            remedy="Fine-tune it for the task first, for instance with `tritext train`.",
        )
    evaluated: torch.nn.Module = model.eval()
    return evaluated


def _input_names(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> tuple[str, ...]:
    """The model's forward arguments that the tokenizer produces."""
    produced = set(tokenizer.model_input_names)
    return tuple(name for name in inspect.signature(model.forward).parameters if name in produced)


def _length_limit(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> int:
    """The smaller of what the tokenizer declares and what the model's position table holds.

    Models in RoBERTa's style number their positions from padding_idx + 1, so 514 rows hold 512 tokens.
    """
    positions = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            positions -= int(module.padding_idx) + 1
    return int(min(positions, tokenizer.model_max_length))


@contextmanager
def _translated(source: str) -> Iterator[None]:
    """The boundary to transformers: its many errors on unreadable files become one sentence."""
    try:
        with quiet():
            yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadCheckpoint(
            source=source,
            reason=f"reading it failed with {first_line!r}",
            remedy="Expected a folder in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.",
        ) from error
